"""Which native libraries a process has loaded, through psutil."""

from __future__ import annotations

from pathlib import PurePath

import psutil


def loads(pid: int, name: str) -> bool:
    """Whether a file with this text in its name is mapped. False where that cannot be seen."""
    try:
        maps = psutil.Process(pid).memory_maps()
    except (psutil.Error, OSError, AttributeError):  # AttributeError: macOS has none
        return False
    return any(name.lower() in PurePath(one.path).name.lower() for one in maps)
