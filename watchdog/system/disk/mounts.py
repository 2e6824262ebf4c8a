"""Where the file system of a path begins."""

from __future__ import annotations

import os
from pathlib import Path


def mount_of(path: str) -> str:
    here = Path(path).absolute()
    while here != here.parent and not os.path.ismount(here):
        here = here.parent
    return str(here)
