"""Servers are not started by wd on Windows yet."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from watchdog.system.shim.line import Line


@contextlib.contextmanager
def spawned(service: str, within: float) -> Iterator[Line]:
    """OSError with the reason."""
    raise OSError("wd cannot start a server on Windows yet: start it by hand")
    yield
