"""Tells soon that a process ended."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.deaths import Deaths
else:
    from watchdog.system.portable.deaths import Deaths

__all__ = ["Deaths"]
