"""Opening a log by its name: a regular file, and nothing else."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def open_for_reading(path: str | bytes | os.PathLike[str]) -> int:
    """A descriptor of a regular file; OSError with a clear text for anything else."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_BINARY | os.O_NOINHERIT)
    except FileNotFoundError:
        if _is_below_a_file(Path(os.fsdecode(path))):  # Windows calls that a missing folder
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        raise
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise OSError(errno.EINVAL, "it is not a regular file")
    return opened


def _is_below_a_file(path: Path) -> bool:
    """Whether a part of the path that should be a folder is a file: an archive, for example."""
    nearest = next((folder for folder in path.parents if folder.exists()), None)
    return nearest is not None and not nearest.is_dir()


def is_link(facts: os.stat_result) -> bool:
    """Whether it is a symbolic link, a junction or another place that leads elsewhere."""
    attributes: int = getattr(facts, "st_file_attributes", 0)
    return bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)
