"""Where the file system of a path begins."""

from __future__ import annotations

from pathlib import Path


def mount_of(path: str) -> str:
    here = Path(path).absolute()
    while here != here.parent and not here.is_mount():
        here = here.parent
    return str(here)
