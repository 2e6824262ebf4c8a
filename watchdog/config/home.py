"""Where the home is: named, in $WD_HOME, above the current folder, or in the user's configuration folder.

What stands in a home is run, so who could have put it there matters: a home that somebody else owns or can write is
never taken up by the search, and root does not even take one that was named.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from watchdog.library import shelf
from watchdog.model.errors import BadConfig
from watchdog.model.records import record
from watchdog.system.disk import files
from watchdog.system.disk.trust import check_trusted_file, check_trusted_folder, how_to_protect
from watchdog.system.host import accounts

FOLDERS = ("playbooks", "runbooks", "logs")
VARIABLE = "WD_HOME"
_KINDS: tuple[shelf.Kind, ...] = ("playbooks", "runbooks")


@record(frozen=True)
class Found:
    """The home, if there is one, and why others on the way were not taken: a sentence each."""

    home: Path | None
    passed_over: tuple[str, ...] = ()


def look_for_home(named: str | None, environment: Mapping[str, str] = os.environ) -> Found:
    """The home, absolute, and what was passed over, which commands that go on without a home should say.

    BadConfig if the one that was named cannot be used.
    """
    if named is not None:
        return Found(_named(named, "--home"))
    if from_variable := environment.get(VARIABLE):
        return Found(_named(from_variable, f"${VARIABLE}"))
    passed_over: list[str] = []
    for folder in (*_here_and_above(), files.user_folder("config")):
        if not _is_home(folder):
            continue
        problem = why_untrusted(folder)
        if not problem:
            return Found(folder, tuple(passed_over))
        passed_over.append(f"the home {folder} is not used: {problem}")
    return Found(None, tuple(passed_over))


def why_untrusted(home: Path) -> str:
    """Empty if nobody but root and the caller can change what a home says; else who can change what."""
    if folder := _open_to_others(home):
        return check_trusted_folder(folder)
    paths = [path for kind in _KINDS for path in shelf.of_home(kind, home).values()]
    return next((problem for path in paths if (problem := check_trusted_file(path))), "")


def _open_to_others(home: Path) -> Path | None:
    """The folder of this home that somebody else can change."""
    folders = (home, *(home / kind for kind in _KINDS if (home / kind).exists()))
    return next((folder for folder in folders if check_trusted_folder(folder)), None)


def _named(name: str, by: str) -> Path:
    folder = Path(os.path.abspath(name))  # noqa: PTH100  (links must stay visible)
    try:
        usable = folder.is_dir() and any((folder / part).is_dir() for part in FOLDERS)
    except OSError as error:
        raise BadConfig(f"the home {folder} cannot be used", error.strerror or str(error)) from None
    if not usable:
        raise BadConfig(
            f"{folder} is not a home (named by {by})",
            "a home is a folder with playbooks/, runbooks/ and logs/",
            f"`wd init {name}` makes one",
        )
    # A single bad file is reported when it is read: it must not block the others.
    if accounts.is_admin() and (part := _open_to_others(folder)):
        raise BadConfig(
            f"the home {folder} is not used",
            f"{check_trusted_folder(part)}: everybody who can write there could run anything with your rights",
            how_to_protect(part),
        )
    return folder


def _here_and_above() -> Iterator[Path]:
    try:
        here = Path.cwd()
    except OSError:  # the current folder is gone
        return
    yield from (here, *here.parents)


def _is_home(folder: Path) -> bool:
    try:
        return all((folder / part).is_dir() for part in FOLDERS)
    except OSError:
        return False
