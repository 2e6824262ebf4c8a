"""How much of the past stays on the disk: incident folders by count and by bytes, oldest first."""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Collection
from pathlib import Path

from watchdog.system.disk import files

_ID = re.compile(r"\d{4}-\d{2}-\d{2}-\d{6}-[a-z0-9-]+", re.ASCII)


def remove_old_folders(folder: Path, most: int, size: int, spared: Collection[str]) -> tuple[str, ...]:
    """Only folders that carry an incident's name are touched, and never through a link. Gives the names removed."""
    found = sorted(each.name for each in folder.iterdir() if _ID.fullmatch(each.name) and _is_folder(each))
    sizes = {name: _bytes(folder / name) for name in found}
    total, left, removed = sum(sizes.values()), len(found), []
    for name in found:
        if left <= most and total <= size:
            break
        if name in spared:
            continue
        import shutil  # here: it imports five compression libraries, and there is seldom anything to remove

        shutil.rmtree(folder / name, ignore_errors=True)
        if not (folder / name).exists():
            removed.append(name)
            total, left = total - sizes[name], left - 1
    return tuple(removed)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += files.bytes_on_disk(path.lstat())
    return total
