"""What the page of a command consists of, and the words and exit codes that many pages share."""

from __future__ import annotations

from typing import NamedTuple

from watchdog.model.exits import Exit

Example = tuple[str, str]  # the line, what it does


class Manual(NamedTuple):
    """What the page of one command says beside its summary and its options."""

    changes: str  # what it changes outside of wd's own state; one sentence
    examples: tuple[Example, ...]
    exits: tuple[Exit, ...] = (Exit.FINE, Exit.UNKNOWN)
    common: tuple[str, ...] = ()  # options that stand first


EXITS: dict[Exit, str] = {
    Exit.FINE: "success; done and proven",
    Exit.WARNING: "warning",
    Exit.CRITICAL: "critical, or failed",
    Exit.UNKNOWN: "could not tell, invalid usage or invalid configuration",
    Exit.NOTHING: "nothing matched",
    Exit.REFUSED: "refused by a guard",
    Exit.INTERRUPTED: "interrupted",
}

NOTHING = "It changes nothing."
OWN = "It changes only wd's own state."
LISTED = (Exit.FINE, Exit.UNKNOWN, Exit.NOTHING)
STATES = (Exit.FINE, Exit.WARNING, Exit.CRITICAL, Exit.UNKNOWN)
ACTS = (Exit.FINE, Exit.CRITICAL, Exit.UNKNOWN, Exit.REFUSED, Exit.INTERRUPTED)
WORST = (Exit.FINE, Exit.WARNING, Exit.CRITICAL, Exit.UNKNOWN, Exit.NOTHING)
CARRIED = "It changes no server. A host without wd gets a copy of it, see docs/fleet.md."
ENDS = (Exit.FINE, Exit.CRITICAL, Exit.UNKNOWN, Exit.NOTHING, Exit.REFUSED, Exit.INTERRUPTED)
