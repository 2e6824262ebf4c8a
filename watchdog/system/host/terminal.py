"""The person at the terminal: whether there is one, and what is typed within a time."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.terminal import can_answer, columns, forget_typed, key_within, line_within, single_keys
else:
    from watchdog.system.posix.terminal import can_answer, columns, forget_typed, key_within, line_within, single_keys

__all__ = ["can_answer", "columns", "forget_typed", "key_within", "line_within", "single_keys"]
