"""The source files of a running program, on its disk or in its zipapp, read with its own rights."""

from __future__ import annotations

import errno
import io
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from watchdog.system import here
from watchdog.system.disk import target_files
from watchdog.system.disk.moved import SLACK, Fits, Moved, may_be_moved, of_process
from watchdog.system.disk.parts import LARGEST_SOURCE, Part
from watchdog.system.process import rights
from watchdog.system.process.rights import Rights

_LARGEST_ARCHIVE = 32_000_000  # bytes; the list of what is in a zip file stands at its end, so it is read whole
_MOST_ARCHIVES = 4  # a program names as many files as it likes
_MOST_MEMBERS = 20_000  # a list of more would cost more memory than a source is worth
_HEAD_OF_A_MEMBER = b"PK\x01\x02"
_NO_FOLDER = errno.ENOTDIR  # what the system says of a name below a file
_BROKEN = (zipfile.BadZipFile, zlib.error, KeyError, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


class StartedSources:
    """Sources of one process as they were when it started: what changed later does not fit its lines."""

    def __init__(self, pid: int, started: float) -> None:
        self._pid, self._started = pid, started
        self._moved: Moved | None = None

    def text(self, path: str, fits: Fits = bool) -> str | None:
        """None where it is not there any more as it was, neither here nor in a folder that was renamed."""
        if not may_be_moved(path):
            return None
        part = read_sources(rights.of(self._pid), [path])[path]
        found = source_in(part)
        if found is not None and found[1] <= self._started + SLACK and fits(found[0]):
            return found[0]
        self._moved = self._moved or of_process(self._pid, self._started)
        elsewhere = self._moved.find(path, missing=part.missing, fits=fits)
        found = source_in(elsewhere[1]) if elsewhere is not None else None
        return found[0] if found is not None else None


def read_sources(of: Rights | None, paths: Iterable[str]) -> dict[str, Part]:
    """Each file with these rights; a module of a zipapp comes out of its archive."""
    found = target_files.read_files(of, list(paths), LARGEST_SOURCE)
    archived = [path for path, part in found.items() if part.code == _NO_FOLDER]
    above = dict.fromkeys(folder for path in archived for folder in _folders(path))
    kinds = target_files.read_files(of, list(above), 0) if above else {}
    archives = [name for name, part in kinds.items() if part.error is None]
    for archive in archives[:_MOST_ARCHIVES]:  # one after another: each may be large
        opened = target_files.read_file(of, archive, _LARGEST_ARCHIVE)
        for path in archived:
            name = here.slashes(path).removeprefix(f"{here.slashes(archive)}/")
            if opened.error is None and name != here.slashes(path):
                found[path] = _member(opened, name)
    return found


def _folders(path: str) -> list[str]:
    """What stands above a name; one of them may be an archive."""
    return [str(folder) for folder in Path(path).parents[:-1]]


def _member(archive: Part, name: str) -> Part:
    """A file of an archive, as if it stood on the disk; never more than the largest source is unpacked."""
    if archive.data.count(_HEAD_OF_A_MEMBER) > _MOST_MEMBERS:
        return Part(error="its archive has too many members")
    try:
        with zipfile.ZipFile(io.BytesIO(archive.data)) as opened, opened.open(name) as member:
            data = member.read(LARGEST_SOURCE + 1)
    except _BROKEN:
        return Part(error="it cannot be read out of its archive")
    return replace(archive, data=data, size=len(data))


def source_in(part: Part) -> tuple[str, float] | None:
    """The text of a file that was read whole, and the time of its last change."""
    if part.error is not None or part.modified is None or part.size > LARGEST_SOURCE:
        return None
    return part.data.decode("utf-8", "replace"), part.modified
