"""The memory of another process: read while it runs, where the system allows it."""

from __future__ import annotations

import sys

from watchdog.system.process.address_space import CHUNK, PAGE, Mapping, Memory, Unmapped, Unreadable

if sys.platform == "linux":
    from watchdog.system.linux.elf import find_symbol
    from watchdog.system.linux.memory import READABLE, executable, mappings, open_memory
else:
    from watchdog.system.portable.untold import READABLE, executable, find_symbol, mappings, open_memory

__all__ = [
    "CHUNK",
    "PAGE",
    "READABLE",
    "Mapping",
    "Memory",
    "Unmapped",
    "Unreadable",
    "executable",
    "find_symbol",
    "mappings",
    "open_memory",
]
