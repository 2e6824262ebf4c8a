"""Exit codes: one table for every command, readable by Nagios, cron and scripts alike."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """0 to 3 mean what a Nagios plugin means by them."""

    FINE = 0  # fine, or done and proven
    WARNING = 1
    CRITICAL = 2  # critical, or failed
    UNKNOWN = 3  # could not tell; also wrong usage and bad configuration
    NOTHING = 4  # nothing matched
    REFUSED = 5  # a guard refused
    INTERRUPTED = 130
