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


# Every word for an outcome or a state, in every command, and the one exit code that it stands for.
_OF_WORDS: dict[str, Exit] = {
    "ok": Exit.FINE,
    "done": Exit.FINE,
    "recovered": Exit.FINE,
    "planned": Exit.FINE,
    "skipped": Exit.FINE,
    "sound": Exit.FINE,
    "healthy": Exit.FINE,
    "warning": Exit.WARNING,
    "slow": Exit.WARNING,
    "starting": Exit.WARNING,
    "failing": Exit.WARNING,
    "unsure": Exit.WARNING,
    "stopped": Exit.WARNING,
    "failed": Exit.CRITICAL,
    "fault": Exit.CRITICAL,
    "critical": Exit.CRITICAL,
    "trouble": Exit.CRITICAL,
    "leak": Exit.CRITICAL,
    "hung": Exit.CRITICAL,
    "down": Exit.CRITICAL,
    "unreachable": Exit.CRITICAL,
    "silent": Exit.CRITICAL,
    "unknown": Exit.UNKNOWN,
    "running": Exit.UNKNOWN,
    "begun": Exit.UNKNOWN,
    "waiting": Exit.UNKNOWN,
    "nothing": Exit.NOTHING,
    "refused": Exit.REFUSED,
    "interrupted": Exit.INTERRUPTED,
}


def exit_of(word: str) -> Exit:
    """The exit code of an outcome or a state. KeyError for a word that is in no command's vocabulary."""
    return _OF_WORDS[word]
