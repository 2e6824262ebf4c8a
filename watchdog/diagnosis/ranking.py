"""Which finding comes first, and how serious each is. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from watchdog.diagnosis.jobs import workers_below
from watchdog.diagnosis.view import View
from watchdog.model.causes import CAUSES, HEALTHY
from watchdog.model.finding import Certainty, Finding
from watchdog.text.units import format_duration

# Faults of a piece of work that does not go on. Where our questions are answered all the same, they are as serious as
# the requests that wait for them.
_OF_WORK = frozenset({
    "busy-loop", "gil-held-native", "lock-deadlock", "lock-convoy", "event-loop-blocked", "await-never",
    "external-wait", "pool-exhausted", "child-pipe-full", "child-wait", "stdio-ipc-deadlock", "db-locked",
    "import-lock", "fork-lock",
})  # fmt: skip
# Of these the ones that never go on, no matter who waits.
_FOR_EVER = frozenset({"lock-deadlock", "fork-lock", "import-lock", "child-pipe-full"})
# What, as far as can be seen, no waiting ends.
_ENDLESS = _FOR_EVER | {"await-never", "stdio-ipc-deadlock"}
_MANY = 2  # requests
_LOWER: dict[Certainty, Certainty] = {"certain": "likely", "likely": "guess", "guess": "guess"}
# Causes stand in their table so that roots come before what they lead to.
_ORDER = {name: place for place, name in enumerate(CAUSES)}
_PIPES = frozenset({"child-pipe-full", "stdio-ipc-deadlock"})
_LOCKS = frozenset({"lock-deadlock", "lock-convoy", "import-lock", "fork-lock"})
_OF_CHILDREN = _PIPES | (_LOCKS - {"lock-convoy"}) | {"busy-loop", "gil-held-native", "external-wait"}
# What a finding waits for, and the causes that explain such a wait: where one of them was found too, it is the root.
ROOTS: dict[str, frozenset[str]] = {
    "lock": _LOCKS,
    "import": frozenset({"import-lock"}),
    "database": frozenset({"db-locked", "lock-deadlock"}),
    "pipe-read": _PIPES,
    "pipe-write": _PIPES,
    "pipes": _PIPES | {"external-wait"},
    "running": frozenset({"busy-loop", "gil-held-native"}),
    "child": _OF_CHILDREN,
    "children": _OF_CHILDREN | {"child-wait"},
    "loop": frozenset({"event-loop-blocked"}),
    **dict.fromkeys(
        ("peer", "socket", "connect", "send", "names", "client", "file-lock"), frozenset({"external-wait"})
    ),
    "lost": _PIPES
    | {"fork-lock", "import-lock", "db-locked", "busy-loop", "gil-held-native", "pool-exhausted", "external-wait"},
    "holder": frozenset(CAUSES) - HEALTHY - {"lock-convoy", "unknown"},
    "keeper": frozenset(CAUSES) - HEALTHY - {"lock-convoy", "unknown", "pool-exhausted", "await-never"},
}
# Of these the waits whose root is seen in the same look as they are.
_SEEN_AT_ONCE = ("peer", "lost")


def tempered(view: View, findings: Iterable[Finding]) -> Iterator[Finding]:
    """What holds nobody up is not a fault; what holds up some requests while others are answered is a warning."""
    for one in findings:
        if one.cause not in _OF_WORK or not view.answered or view.in_trouble:
            yield one
        elif view.waiting and not (one.cause == "child-wait" and len(view.waiting) < _MANY):
            yield replace(_milder(one), summary=f"{_held_up(view)}: {one.summary}")
        elif one.culprit and one.culprit.pid in workers_below(view):
            yield replace(
                one, warns=True, summary=f"it answers, but a job that it gave away does not end: {one.summary}"
            )
        elif one.cause in _FOR_EVER:
            yield replace(_milder(one), summary=f"it answers all the same: {one.summary}")
        elif one.cause == "lock-convoy" and view.slow:
            yield one


def _milder(finding: Finding) -> Finding:
    """A warning. While others are answered nothing is ended at once; what waiting does not end is for a person."""
    if finding.advice == "restart-worker" or finding.remedy:
        return replace(finding, warns=True)
    if finding.certainty != "guess" and (finding.cause in _ENDLESS or finding.no_end):
        return replace(finding, warns=True, instead="call-a-person", remedy="later")
    return replace(finding, warns=True, instead="wait")


def _held_up(view: View) -> str:
    count = len(view.waiting)
    longest = max(one.received_ago or 0.0 for one in view.waiting)
    many = f"{count} requests wait" if count > 1 else "1 request waits"
    return f"it answers, but {many} for {format_duration(longest)} without a byte of an answer"


def graded(view: View, findings: Iterable[Finding]) -> Iterator[Finding]:
    """A wait that any good answer may take can still be work: until it has lasted longer, nothing is certain of it. A
    guess ends nothing, unless nobody is answered anyway, and where everybody is answered it is a warning."""
    for one in findings:
        certainty = _LOWER[one.certainty] if is_early(view, one) else one.certainty
        ends = one.advice in ("restart", "restart-worker") or one.remedy == "later"
        spared = certainty == "guess" and ends and not view.in_trouble
        told = replace(one, certainty=certainty)
        if not spared:
            yield replace(told, instead=one.advice)
        else:
            yield replace(told, instead="wait", remedy="", warns=one.warns or view.answers_well)


def is_early(view: View, finding: Finding) -> bool:
    """Whether what the finding is about has not yet lasted longer than a good answer may take."""
    if finding.lasted is None:
        return False
    asked = view.unread_for if view.hung else max((one.received_ago or 0.0 for one in view.waiting), default=0.0)
    return max(finding.lasted, view.waited, asked) < view.limit


def rank(view: View, findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Roots before victims, guesses last, before them what may still be work. What cannot be told and what is said of a
    healthy server stand only where there is no fault."""
    found = list(findings)
    told = [one for one in found if one.cause != "unknown" and one.cause not in HEALTHY]
    told = told or [one for one in found if one.cause in HEALTHY] or found

    def place(one: Finding) -> tuple[bool, bool, bool, bool, int]:
        explained = any(explains(other, one) for other in told)
        surroundings = one.cause == "host-starved"  # makes slow what happens anyway
        return surroundings, one.certainty == "guess", is_early(view, one), explained, _ORDER[one.cause]

    return tuple(sorted(told, key=place))


def explains(root: Finding, victim: Finding) -> bool:
    """Whether the one is why the other waits."""
    if root is victim or root.certainty == "guess" or root.cause not in ROOTS.get(victim.waits_for, ()):
        return False
    # Who waits in the same queue for a lock does not tell why its holder keeps it.
    return not (victim.waits_for == "holder" and root.waits_for == "lock")


def may_be_explained(finding: Finding) -> bool:
    """Whether a root of it may still be found, in a later look."""
    return finding.waits_for in ROOTS and finding.waits_for not in _SEEN_AT_ONCE
