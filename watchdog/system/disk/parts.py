"""Some bytes of a file, its beginning or its end, or the names in a folder, or the reason why there are none."""

from __future__ import annotations

import errno
import os
from typing import Literal

from watchdog.model.records import record
from watchdog.system.disk.paths import open_for_reading

What = Literal["begin", "end", "names", "presence"]

LARGEST_SOURCE = 2_000_000  # bytes of a source file that is read
_DENIED = (errno.EACCES, errno.EPERM)


@record(frozen=True)
class Part:
    """What was read of one file or folder."""

    data: bytes = b""  # of a folder: its names, one a line
    size: int = 0  # of the whole file
    modified: float | None = None  # seconds since the epoch
    error: str | None = None  # one sentence
    code: int = 0  # the system's number of the error, where there is one

    @property
    def denied(self) -> bool:
        """Whether it may not be read, rather than not being there."""
        return self.code in _DENIED

    @property
    def missing(self) -> bool:
        """Whether there is no such file, or not even its folder."""
        return self.code == errno.ENOENT


def look_at(path: str, what: What, limit: int) -> Part:
    """What is wanted of the file or folder under this name, within so many bytes."""
    if what == "names":
        return read_names(path, limit)
    return _presence(path) if what == "presence" else read_part(path, limit, end=what == "end")


def _presence(path: str) -> Part:
    try:
        return Part(error=None if os.path.lexists(path) else "No such file or directory")
    except ValueError:
        return Part(error="this is not a file name")


def read_names(path: str, limit: int) -> Part:
    """The names in a folder, one a line, as many as fit."""
    try:
        return names_of(path, limit)
    except ValueError:
        return Part(error="this is not a file name")
    except OSError as error:
        return Part(error=error.strerror or str(error), code=error.errno or 0)


def names_of(folder: str | int, limit: int) -> Part:
    """The same of a path or a descriptor. OSError if it cannot be read."""
    found = bytearray()
    with os.scandir(folder) as entries:
        for entry in entries:
            name = os.fsencode(entry.name)
            if len(found) + len(name) >= limit:
                break
            if b"\n" not in name:
                found += name + b"\n"
    return Part(bytes(found), len(found))


def read_part(path: str | os.PathLike[str], limit: int, *, end: bool = False) -> Part:
    """The first bytes of a file, or the last ones; never more than it had when it was opened.

    So a file of the kernel's own, which has no size, gives nothing: reading one can block, or take what it gives away.
    """
    for left in (2, 1, 0):
        try:
            return part_of(open_for_reading(path), limit, end=end)
        except ValueError:
            return Part(error="this is not a file name")
        except OSError as error:
            if error.errno != errno.EAGAIN or not left:  # EAGAIN: rotated away at this very moment
                return Part(error=error.strerror or str(error), code=error.errno or 0)
    raise AssertionError("unreachable")


def part_of(opened: int, limit: int, *, end: bool = False) -> Part:
    """The same of a descriptor, which is closed afterwards. OSError if it cannot be read."""
    with os.fdopen(opened, "rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        begin = max(0, facts.st_size - limit) if end else 0
        file.seek(begin)
        data, wanted = b"", min(limit, facts.st_size - begin)
        while len(data) < wanted and (more := file.read(min(wanted - len(data), 1 << 20))):
            data += more
    return Part(data, facts.st_size, facts.st_mtime)
