"""Reading what decides over a server: only bytes that nobody else could have put there."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.trust import (
        LIMIT,
        check_trusted_file,
        check_trusted_folder,
        how_to_hide,
        how_to_protect,
        is_private,
        read_trusted,
        who_else_wrote,
        why_not_a_program,
        why_not_safe,
    )
else:
    from watchdog.system.posix.trust import (
        LIMIT,
        check_trusted_file,
        check_trusted_folder,
        how_to_hide,
        how_to_protect,
        is_private,
        read_trusted,
        who_else_wrote,
        why_not_a_program,
        why_not_safe,
    )

__all__ = [
    "LIMIT",
    "check_trusted_file",
    "check_trusted_folder",
    "how_to_hide",
    "how_to_protect",
    "is_private",
    "read_trusted",
    "who_else_wrote",
    "why_not_a_program",
    "why_not_safe",
]
