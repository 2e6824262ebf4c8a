"""The source files of a running program, as they stand in its own file system."""

from __future__ import annotations

import os
from pathlib import Path

from watchdog.system.disk.paths import open_for_reading

_LARGEST = 2_000_000  # bytes


def read_source(pid: int, path: str) -> tuple[str, float] | None:
    """(text, time of its last change in seconds since the epoch); None if it cannot be read safely.

    In a container the path is walked below the program's root and no link is followed: a link in there would lead into
    our own file system.
    """
    if not path.startswith("/"):
        return None  # "<string>", "<frozen …>", or relative to a folder that may have changed
    try:
        opened = open_for_reading(path) if _same_files(pid) else _open_below(f"/proc/{pid}/root", path)
        with os.fdopen(opened, "rb") as file:
            facts = os.fstat(file.fileno())
            if facts.st_size > _LARGEST:
                return None
            return file.read(_LARGEST).decode("utf-8", "replace"), facts.st_mtime
    except OSError:
        return None


def _same_files(pid: int) -> bool:
    """Whether its file system is ours: the same mounts, and no root of its own."""
    try:
        ours, its = Path("/proc/self/ns/mnt").readlink(), Path(f"/proc/{pid}/ns/mnt").readlink()
        return ours == its and str(Path(f"/proc/{pid}/root").readlink()) == "/"
    except OSError:
        return True


def _open_below(root: str, path: str) -> int:
    here = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    *folders, name = [part for part in path.split("/") if part]
    try:
        for folder in folders:
            inside = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = inside
        return os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)
