"""The accounts of this machine: who we are, and what a service of some user finds."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from watchdog.system.windows.accounts import (
        PATH,
        base_environment,
        home_of,
        is_admin,
        our_id,
        our_name,
        to_run_as,
        user_id,
        user_name,
    )
else:
    from watchdog.system.posix.accounts import (
        PATH,
        base_environment,
        home_of,
        is_admin,
        our_id,
        our_name,
        to_run_as,
        user_id,
        user_name,
    )

__all__ = [
    "PATH",
    "base_environment",
    "home_of",
    "is_admin",
    "our_id",
    "our_name",
    "to_run_as",
    "user_id",
    "user_name",
]
