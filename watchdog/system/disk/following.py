"""Reads a growing file on from where the last reading stopped, over rotation, truncation and replacement."""

from __future__ import annotations

import os
from pathlib import Path

from watchdog.model.records import record
from watchdog.system.disk.files import readable
from watchdog.system.disk.paths import open_for_reading

MOST = 4_000_000  # bytes read at once; of more, the newest count


@record(frozen=True)
class Place:
    """Where reading stopped: in which file, whatever its name by now, and behind which byte."""

    device: int
    inode: int
    offset: int


def follow(path: Path, place: Place | None) -> tuple[str, Place | None, str]:
    """(whole new lines, where it stopped, error). Without a place nothing is read: reading begins at the end.

    A file that was renamed to PATH.1 in the meantime is read to its end first. An error leaves the place as it was.
    """
    try:
        opened = open_for_reading(path)
    except OSError as error:
        return "", place, error.strerror or str(error)
    with os.fdopen(opened, "rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        here = Place(facts.st_dev, facts.st_ino, facts.st_size)
        if place is None:
            return "", here, ""
        before = ""
        start = place.offset if (place.device, place.inode) == (here.device, here.inode) else 0
        if start == 0 and place.inode != here.inode:
            before = _rest_of_rotated(path, place)
        if start > here.offset:
            start = 0  # truncated: all of it is new
        start = max(start, here.offset - MOST)
        file.seek(start)
        data = file.read(here.offset - start) or b""
    whole = data.rfind(b"\n") + 1  # half a line is read again when its end has come
    return before + readable(data[:whole]), Place(here.device, here.inode, start + whole), ""


def _rest_of_rotated(path: Path, place: Place) -> str:
    try:
        opened = open_for_reading(path.with_name(path.name + ".1"))
    except OSError:
        return ""
    with os.fdopen(opened, "rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        if (facts.st_dev, facts.st_ino) != (place.device, place.inode) or facts.st_size <= place.offset:
            return ""
        file.seek(max(place.offset, facts.st_size - MOST))
        data = file.read(MOST) or b""
    return readable(data if data.endswith(b"\n") else data + b"\n")
