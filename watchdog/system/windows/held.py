"""Windows hands no listening socket to another process in the way that servers take one: no shim holds any."""

from __future__ import annotations

from pathlib import Path


def release(folder: str | Path, shim_pid: int) -> bool:
    """False: there is nothing to give up."""
    return False
