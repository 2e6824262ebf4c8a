"""Where the shared store is ($WD_STORE, or `store:` in the home's store.yml), and who this wd is there.

Without a store each host has its SQLite alone.
"""

from __future__ import annotations

import os
import platform
from pathlib import Path

from watchdog.model.errors import BadConfig
from watchdog.system.disk.trust import check_trusted_file

VARIABLE, FILE = "WD_STORE", "store.yml"
_BEGINS = ("postgresql://", "postgresql+psycopg://")


def controller(state: Path) -> str:
    """This wd, as it stands in the store."""
    return f"{platform.node()}:{state}"


def of_home(home: Path | None) -> str:
    """The address, empty if there is none. BadConfig if it cannot be used."""
    found, by = os.environ.get(VARIABLE, ""), f"${VARIABLE}"
    if not found and home is not None and (home / FILE).is_file():
        found, by = _read(home / FILE), str(home / FILE)
    if found and not found.startswith(_BEGINS):
        raise BadConfig(
            f"{by} is not the address of a PostgreSQL", todo="Write it like postgresql://wd@db.example.com/wd"
        )
    return found


def needed(home: Path | None) -> str:
    """BadConfig if there is none."""
    found = of_home(home)
    if not found:
        raise BadConfig(
            "no shared store is set",
            "Only several controllers and the page of a fleet need one.",
            f"Write `store: postgresql://wd@db.example.com/wd` into {FILE} of the home, or set ${VARIABLE}.",
        )
    return found


def _read(path: Path) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if problem := check_trusted_file(path):
        raise BadConfig(f"{path} is not used", problem)
    try:
        found = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise BadConfig(f"{path} cannot be read", str(error).splitlines()[0]) from None
    if not isinstance(found, dict) or not isinstance(found.get("store"), str):
        raise BadConfig(f"{path} has no `store: ADDRESS`")
    return str(found["store"])
