"""Files that are complete or absent, and folders that only their owner enters.

The only place that writes wd's own files. Modes are set on the open descriptor, so no umask changes them: files 0600,
folders 0700.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import re
import stat
import sys
from pathlib import Path
from types import TracebackType
from typing import Literal

from watchdog.model.errors import Refused
from watchdog.system import clock

ROOTS_STATE = Path("/var/lib/wd")
_SHARED = ("/tmp", "/var/tmp", "/dev/shm")
_SCRAP = re.compile(r"\..+\.[0-9a-f]{12}\.tmp")
_SCRAP_AGE = 60.0  # seconds: a younger one may belong to a writer at work


class Folder:
    """A folder held open by descriptor: what is written through it lands in it, whatever happens to its name."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path, self._descriptor = path, descriptor

    def write(self, name: str, data: bytes | str, mode: int = 0o600, *, settle: bool = True) -> int:
        """Write one file, complete or absent; gives its size. OSError if the disk does not take it.

        Without `settle` nobody waits for the disk: a power cut may then lose the file, a kill -9 of ours does not.
        """
        content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
        if not name or "/" in name or "\0" in name or name in (".", ".."):
            raise Refused(f"{name!r} is not a file name")
        _write_at(self._descriptor, name, content, mode, settle)
        return len(content)

    def folder(self, name: str) -> Folder:
        """The folder of that name inside, made if it is missing. Refused if it is a link or another user's."""
        if not name or "/" in name or name in (".", ".."):
            raise Refused(f"{name!r} is not a folder name")
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=self._descriptor)
        return Folder(self.path / name, _open_own_folder(name, self.path / name, dir_fd=self._descriptor))

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Folder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def write_atomic(path: Path, data: bytes | str, mode: int = 0o600, *, settle: bool = True) -> None:
    """Replace a file: a reader, or a crash, sees the old content or the new, never a part. OSError with the path.

    Without `settle` nothing waits for the disk: for what has no use any more after a power cut.
    """
    content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _write_at(folder, path.name, content, mode, settle)
    except OSError as error:  # it names the file beside it that was to take its place
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        os.close(folder)


def _write_at(folder: int, name: str, content: bytes, mode: int, settle: bool = True) -> None:
    temporary = f".{name[:80]}.{os.urandom(6).hex()}.tmp"
    out = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        try:
            os.fchmod(out, mode)
            view = memoryview(content)
            while view:
                view = view[os.write(out, view) :]
            if settle:
                os.fsync(out)
        finally:
            os.close(out)
        os.replace(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    if settle:
        with contextlib.suppress(OSError):  # some file systems refuse it for folders; the file itself is safe by now
            os.fsync(folder)


def make_folder(path: Path) -> Path:
    """A folder of our own with mode 0700, missing parents included. Refused if it is a link or somebody else's."""
    if not path.parent.is_dir():
        make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(0o700)
    os.close(_open_own_folder(path, path))
    return path


def open_folder(path: Path) -> Folder:
    """`make_folder`, held open; what a writer that was killed left behind is swept out."""
    make_folder(path)
    for scrap in path.glob(".*.tmp"):
        with contextlib.suppress(OSError):
            if _SCRAP.fullmatch(scrap.name) and scrap.lstat().st_mtime < clock.now() - _SCRAP_AGE:
                scrap.unlink()
    return Folder(path, _open_own_folder(path, path))


def _open_own_folder(name: str | Path, shown: Path, dir_fd: int | None = None) -> int:
    try:
        opened = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Refused(
                f"{shown} is not a real folder", "a link or a file stands in its place", "remove it"
            ) from None
        raise
    facts = os.fstat(opened)
    if facts.st_uid != os.geteuid():
        os.close(opened)
        raise Refused(f"{shown} belongs to user {facts.st_uid}", "what is kept must not stand in another user's folder")
    if facts.st_mode & stat.S_ISVTX:
        os.close(opened)
        raise Refused(f"{shown} is shared by all users", "what is kept needs its own folder", "name one inside it")
    if stat.S_IMODE(facts.st_mode) != 0o700:
        os.fchmod(opened, 0o700)
    return opened


def free_space(path: Path) -> int:
    """Bytes that we may still write on the file system of this path; 0 if it cannot be told."""
    try:
        facts = os.statvfs(path)
    except OSError:
        return 0
    return (facts.f_bfree if os.geteuid() == 0 else facts.f_bavail) * facts.f_frsize


def runtime_folder() -> Path:
    """Where locks live: one place a user for the whole machine, whatever the home, the session or the environment.

    /run/wd for root. For others a folder below their own home as the user database has it: the session's folder under
    /run/user comes and goes with log-ins, so that a cron job and a person would lock in two places.
    """
    if os.geteuid() == 0:
        run = Path("/run")
        return make_folder(run / "wd" if run.is_dir() else Path("/var/run/wd"))
    try:
        home = Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        home = Path("/nonexistent")
    if home.is_dir() and os.access(home, os.W_OK) and home.stat().st_uid == os.geteuid():
        return make_folder(home / ".local" / "state" / "wd" / "run")
    # A user without a home, such as nobody: the first folder of this machine that is open to all.
    open_to_all = next((place for place in _SHARED if os.access(place, os.W_OK)), _SHARED[0])
    return make_folder(Path(open_to_all) / f"wd-{os.geteuid()}")


def make_private(path: Path) -> os.stat_result:
    """Make a file of our own (0600) if it is missing, never through a link. Refused if it is another user's."""
    opened = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        facts = os.fstat(opened)
        if facts.st_uid != os.geteuid():
            raise Refused(f"{path} is not used", f"it belongs to user {facts.st_uid}")
        os.fchmod(opened, 0o600)
        return facts
    finally:
        os.close(opened)


def give(path: Path, like: os.stat_result) -> None:
    """A file that we made beside another user's becomes that user's, as the other is."""
    if path.lstat().st_uid == os.geteuid() != like.st_uid:
        os.chown(path, like.st_uid, like.st_gid, follow_symlinks=False)


def bytes_on_disk(facts: os.stat_result) -> int:
    """What a file takes there: less than its size where it has holes."""
    return facts.st_blocks * 512


def user_folder(kind: Literal["config", "state"]) -> Path:
    """The user's own folder for wd's configuration or state, as their desktop has it."""
    if sys.platform == "linux":
        variable, usual = {"config": ("XDG_CONFIG_HOME", ".config"), "state": ("XDG_STATE_HOME", ".local/state")}[kind]
        named = os.environ.get(variable, "").strip()
        return (Path(named) if named.startswith("/") else Path("~").expanduser() / usual) / "wd"
    import platformdirs  # here: it takes longer to import than all of the above

    return platformdirs.user_config_path("wd") if kind == "config" else platformdirs.user_state_path("wd")
