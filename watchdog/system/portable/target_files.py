"""Files whose names come from a process, where its rights cannot be taken on.

So they are opened only where this program may read no more than the process: an administrator reads the files of its
own user's processes, and no others.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable

from watchdog.system.disk.parts import Part, read_names, read_part
from watchdog.system.process import rights
from watchdog.system.process.rights import Rights

_REFUSED = Part(error="wd has more rights than its process: a file that it names is not opened", code=errno.EPERM)


def prepare(wanted: Rights | None) -> None:
    """Nothing has to be started."""


def read_file(wanted: Rights | None, path: str, limit: int, *, end: bool = False) -> Part:
    """The beginning of one file, or its end."""
    return _REFUSED if _is_refused(wanted) else read_part(path, limit, end=end)


def read_files(wanted: Rights | None, paths: Iterable[str], limit: int, *, end: bool = False) -> dict[str, Part]:
    """Each of them."""
    return {path: read_file(wanted, path, limit, end=end) for path in paths}


def read_folders(wanted: Rights | None, paths: Iterable[str], limit: int) -> dict[str, tuple[str, ...]]:
    """The names in each of these folders, as many as fit into so many bytes; none where it cannot be read."""
    found = {path: _REFUSED if _is_refused(wanted) else read_names(path, limit) for path in paths}
    return {path: tuple(os.fsdecode(part.data).split("\n")[:-1]) for path, part in found.items()}


def present(wanted: Rights | None, paths: Iterable[str]) -> frozenset[str]:
    """Those of the paths that are there, as files or folders of whatever kind."""
    if _is_refused(wanted):
        return frozenset()
    return frozenset(path for path in paths if "\0" not in path and os.path.lexists(path))


def _is_refused(wanted: Rights | None) -> bool:
    return rights.privileged() and (wanted is None or rights.may_more(wanted))
