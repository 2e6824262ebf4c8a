"""Where runbooks and playbooks are: the home's own first, the shipped ones behind them.

Installed, the shipped files are data of the package `watchdog.library`; in a bare checkout (and an editable install)
they stand in the folders `runbooks/` and `playbooks/` at its top.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

SAFE_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"  # of a service, a probe, a runbook: they become parts of file names
Kind = Literal["runbooks", "playbooks"]
_ENDINGS: dict[Kind, tuple[str, ...]] = {"runbooks": (".md",), "playbooks": (".yml", ".yaml")}


def shipped(kind: Kind) -> Mapping[str, Traversable]:
    """The files that came with wd, by their name without ending."""
    from importlib.resources import files  # here: most commands look for the files of a home only

    for root in (files("watchdog.library") / kind, Path(__file__).parents[2] / kind):
        if root.is_dir() and (found := _named(root, kind)):
            return found
    return {}


def of_home(kind: Kind, home: Path | None) -> Mapping[str, Path]:
    """The home's own files, by their name without ending; empty without a home or without that folder."""
    root = home / kind if home is not None else None
    try:
        return {name: root / found.name for name, found in _named(root, kind).items()} if root else {}
    except OSError:  # no such folder, or none that we may look into
        return {}


def names(kind: Kind, home: Path | None) -> tuple[str, ...]:
    """Every name that can be used in this home."""
    return tuple(sorted({*shipped(kind), *of_home(kind, home)}))


def _named(root: Traversable, kind: Kind) -> dict[str, Traversable]:
    """Hidden files and what an editor leaves behind (#x.md#, x.md~) are passed over; README.md is not a runbook."""
    found = {}
    for entry in sorted(root.iterdir(), key=lambda one: one.name):
        stem, dot, ending = entry.name.rpartition(".")
        if stem and dot + ending in _ENDINGS[kind] and stem[0] not in ".#" and stem.upper() != "README":
            found[stem] = entry
    return found
