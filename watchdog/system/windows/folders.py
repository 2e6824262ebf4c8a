"""Files that are complete or absent, and folders that only their owner enters.

The only place that writes wd's own files. A folder is made with its own access list: its owner, the administrators and
Windows itself, nobody else. What is written in it inherits that, and a file that is written elsewhere has such a list.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from pathlib import Path
from types import TracebackType
from typing import Literal

import platformdirs

from watchdog.model.errors import Refused
from watchdog.system import clock
from watchdog.system.windows import access_lists, accounts, kernel, rights
from watchdog.system.windows.paths import is_link

ROOTS_STATE = Path(os.environ.get("PROGRAMDATA", "C:\\ProgramData")) / "wd"
_SCRAP = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")
_SCRAP_AGE = 60.0  # seconds: a younger one may belong to a writer at work
_SHARED_FOR = 1.0  # seconds for which a reader may keep a file from being replaced
_OTHERS = 0o077  # what a mode gives to others
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')


class Folder:
    """A folder that files are written to."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, data: bytes | str, mode: int = 0o600, *, settle: bool = True) -> int:
        """Write one file, complete or absent; gives its size. OSError if the disk does not take it.

        Without `settle` nobody waits for the disk: a power cut may then lose the file, a kill of ours does not.
        """
        content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
        _check(name)
        _write(self.path / name, content, mode, settle)
        return len(content)

    def folder(self, name: str) -> Folder:
        """The folder of that name inside, made if it is missing. Refused if it is a link."""
        _check(name)
        return Folder(make_folder(self.path / name))

    def close(self) -> None:
        """Nothing is held open."""

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _check(name: str) -> None:
    if not name or _FORBIDDEN.search(name) or name in (".", "..") or name[-1] in " .":
        raise Refused(f"{name!r} is not a file name")


def write_atomic(path: Path, data: bytes | str, mode: int = 0o600, *, settle: bool = True) -> None:
    """Replace a file: a reader, or a crash, sees the old content or the new, never a part. OSError on failure."""
    _write(path, data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data, mode, settle)


def _write(path: Path, content: bytes, mode: int, settle: bool) -> None:
    temporary = path.with_name(f".{path.name[:80]}.{os.urandom(6).hex()}.tmp")
    try:
        with open(temporary, "xb", opener=None if mode & _OTHERS else access_lists.make_file) as out:
            out.write(content)
            if settle:
                out.flush()
                os.fsync(out.fileno())
        _replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _replace(temporary: Path, path: Path) -> None:
    """A file that somebody reads just now cannot be replaced: the reader is waited for."""
    deadline = clock.Deadline(_SHARED_FOR)
    while True:
        try:
            temporary.replace(path)
            return
        except PermissionError:
            if deadline.over:
                raise
            time.sleep(0.02)


def make_folder(path: Path) -> Path:
    """A folder of our own, missing parents included. Refused if it is a link or somebody else's."""
    if not path.parent.is_dir():
        make_folder(path.parent)
    try:
        access_lists.make_folder(path)
    except FileExistsError:
        _keep(path)
    return path


def _keep(path: Path) -> None:
    """Take a folder that is there for our own: from now on nobody else enters it."""
    facts = path.lstat()
    if is_link(facts) or not stat.S_ISDIR(facts.st_mode):
        raise Refused(f"{path} is not a real folder", "a link or a file stands in its place", "remove it")
    found, ours = access_lists.of(path), kernel.user_sid()
    if owner := rights.strange_owner(found, ours):
        who = kernel.account_name(owner)
        raise Refused(f"{path} belongs to {who}", "what is kept must not stand in another user's folder")
    if rights.stranger(found, ours, rights.TO_SEE_OR_CHANGE):
        access_lists.keep_for_owner(path)


def open_folder(path: Path) -> Folder:
    """`make_folder`, to write in; what a writer that was killed left behind is swept out."""
    make_folder(path)
    for scrap in path.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if _SCRAP.fullmatch(scrap.name) and scrap.lstat().st_mtime < clock.now() - _SCRAP_AGE:
                scrap.unlink()
    return Folder(path)


def free_space(path: Path) -> int:
    """Bytes that we may still write on the file system of this path; 0 if it cannot be told."""
    import shutil  # here: it imports five compression libraries

    try:
        return shutil.disk_usage(path).free
    except OSError:
        return 0


def runtime_folder() -> Path:
    """Where locks live: one place a user for the whole machine, whatever the home, the session or the environment."""
    if accounts.is_admin():
        return make_folder(make_folder(ROOTS_STATE) / "run")  # all users may make folders above both
    return make_folder(Path(platformdirs.user_data_path("wd", appauthor=False)) / "run")


def make_private(path: Path) -> os.stat_result:
    """Make a file of our own if it is missing, never through a link; its folder keeps others out of all beside it."""
    make_folder(path.parent)
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_BINARY | os.O_NOINHERIT)
    try:
        if path.is_symlink():
            raise Refused(f"{path} is not used", "it is a link")
        return os.fstat(opened)
    finally:
        os.close(opened)


def give(path: Path, like: os.stat_result) -> None:
    """A file belongs to the user who made it here."""


def bytes_on_disk(facts: os.stat_result) -> int:
    """What a file takes there, about."""
    return facts.st_size


def user_folder(kind: Literal["config", "state"]) -> Path:
    """The user's own folder for wd's configuration or state."""
    place = platformdirs.user_config_path if kind == "config" else platformdirs.user_state_path
    return Path(place("wd", appauthor=False))
