"""Files that are complete or absent, folders that only their owner enters, and the last part of any log."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Protocol

from watchdog.system.disk.parts import Part, read_part
from watchdog.system.disk.trust import check_trusted_folder
from watchdog.system.host import accounts

if sys.platform == "win32":
    from watchdog.system.windows.folders import (
        ROOTS_STATE,
        Folder,
        bytes_on_disk,
        free_space,
        give,
        make_folder,
        make_private,
        open_folder,
        runtime_folder,
        user_folder,
        write_atomic,
    )
else:
    from watchdog.system.posix.folders import (
        ROOTS_STATE,
        Folder,
        bytes_on_disk,
        free_space,
        give,
        make_folder,
        make_private,
        open_folder,
        runtime_folder,
        user_folder,
        write_atomic,
    )

__all__ = [
    "Folder",
    "Reading",
    "bytes_on_disk",
    "free_space",
    "give",
    "make_folder",
    "make_private",
    "open_folder",
    "readable",
    "runtime_folder",
    "state_folder",
    "tail",
    "tail_bytes",
    "user_folder",
    "write_atomic",
]


class Reading(Protocol):
    """Reads the beginning or the end of a file: with our own rights, or with those of a process that named it."""

    def __call__(self, path: str, limit: int, *, end: bool = False) -> Part: ...


def tail(path: str | Path, limit: int, read: Reading = read_part) -> tuple[str, int, str | None]:
    """(text, size, error): the last part of a file, at most `limit` bytes, and the size of the whole.

    Survives FIFOs, devices, sparse terabytes, files that grow or are one endless line, and text that is not UTF-8
    (shown with backslashes). A first line that was cut is left out. The error is a sentence, or None. `read` opens it.
    """
    data, size, _modified, error = tail_bytes(path, limit, read)
    return readable(data), size, error


def tail_bytes(path: str | Path, limit: int, read: Reading = read_part) -> tuple[bytes, int, float | None, str | None]:
    """(bytes, size, modified, error) as in `tail`; holes of a sparse file are left out."""
    part = read(str(path), limit + 1, end=True)  # one byte more tells whether a line begins there
    if part.error is not None:
        return b"", 0, None, part.error
    data = part.data
    if data and not data.strip(b"\0"):
        return b"", part.size, part.modified, f"the last {min(limit, len(data))} bytes are a hole without content"
    if part.size > limit:
        data = data[1:] if data[:1] in (b"\n", b"\0") else _from_next_line(data[1:])
    # A log that was truncated while its writer went on begins with a hole.
    return data.strip(b"\0"), part.size, part.modified, None


def _from_next_line(data: bytes) -> bytes:
    """Without the rest of a line whose beginning was cut off, unless that is all there is."""
    _cut, newline, rest = data.partition(b"\n")
    if newline and rest:
        return rest
    while data and data[0] & 0xC0 == 0x80:  # nor the rest of a character
        data = data[1:]
    return data


def readable(data: bytes) -> str:
    """Bytes as text, whatever they are."""
    return data.decode("utf-8", "backslashreplace")


def state_folder(home: Path | None = None) -> Path:
    """Where journal, incidents and shim records live; made if missing.

    The home's `logs/` if it is ours to write; else /var/lib/wd for root and the user's state folder for others.
    """
    if home is not None:
        logs = home / "logs"
        if not logs.exists() and os.access(home, os.W_OK):
            with contextlib.suppress(OSError):
                logs.mkdir(0o700)
        if logs.is_dir() and os.access(logs, os.W_OK) and not check_trusted_folder(logs):
            return logs
    if accounts.is_admin():
        return make_folder(ROOTS_STATE)
    try:
        return make_folder(user_folder("state"))
    except OSError:  # a user without a folder of their own
        return make_folder(runtime_folder() / "state")
