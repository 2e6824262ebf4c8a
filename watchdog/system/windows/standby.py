"""No shim waits for another start on Windows."""

from __future__ import annotations

from collections.abc import Callable

from watchdog.system.shim.line import Line


def call(folder: str, shim_pid: int) -> Line | None:
    return None


def sweep(folder: str, lives: Callable[[int], bool]) -> None:
    """Nothing was left behind."""
