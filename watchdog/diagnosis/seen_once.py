"""What one look at the calls lets one guess, where there was no time for a second one. Pure.

Linux tells since when a thread sleeps, so one look is enough there. Elsewhere two looks show what stands still. If the
time was over after the first, and a question has waited ever since, the best guess is that the calls stayed the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from watchdog.model.evidence import Evidence, ProcessLook
from watchdog.model.finding import Finding

_AGAIN = 2  # looks that are assumed
_TOLD = "its calls were seen once, and it is assumed that they stayed the same: a longer --within sees them again"


def continued(evidence: Evidence) -> Evidence | None:
    """The evidence as it would be if all had stayed as it was seen once; None where there were more looks, or none."""
    stacks = [look for look in evidence.stacks if look.error is None]
    looks = Counter(look.pid for look in stacks)
    if not looks or max(looks.values()) > 1:
        return None
    step = (evidence.seconds - max(look.at for look in stacks)) / _AGAIN
    later = [number * step for number in range(1, _AGAIN + 1)]
    ran = {(one.pid, one.tid) for look in stacks for one in look.threads if one.holds_gil}
    return replace(
        evidence,
        stacks=(*evidence.stacks, *(replace(look, at=look.at + more) for more in later for look in stacks)),
        looks=(*evidence.looks, *(_later(look, more, ran) for more in later for look in evidence.looks)),
    )


def _later(look: ProcessLook, seconds: float, ran: set[tuple[int, int | None]]) -> ProcessLook:
    """Who had the interpreter's lock goes on to use the CPU; all others wait on."""
    threads = tuple(
        replace(one, cpu_seconds=one.cpu_seconds + seconds) if (one.pid, one.tid) in ran else one
        for one in look.threads
    )
    return replace(look, at=look.at + seconds, threads=threads)


def guessed(finding: Finding) -> Finding:
    """The finding, as what it is."""
    return replace(finding, certainty="guess", details=(_TOLD, *finding.details))
