"""Which native libraries a process has loaded, through psutil."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import psutil


def loads(pid: int, name: str) -> bool:
    """Whether a file with this text in its name is mapped. False where that cannot be seen."""
    try:
        process: Any = psutil.Process(pid)  # macOS has no such function
        maps = process.memory_maps()
    except (psutil.Error, OSError, AttributeError):
        return False
    return any(name.lower() in PurePath(one.path).name.lower() for one in maps)
