"""How the C library hands out memory."""

from __future__ import annotations

import contextlib
import ctypes

_MOST_ARENAS = -8  # M_ARENA_MAX of malloc.h, in glibc


def share_one_arena() -> None:
    """All threads that begin from now on take large pieces of memory from one place. glibc gives each a place of its
    own, which keeps what it has had once. Another C library has no such thing, or refuses, and nothing changes."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_MOST_ARENAS, 1)
