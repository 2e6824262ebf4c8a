"""Looks at a hung server for a while, from outside, and touches nothing: evidence in the order of time.

Every collector has its own deadline and leaves a gap when it fails. The first look comes before our own question,
so that what is stuck already can be told from what our question met; then one question is kept in flight, since some
faults show only then. The looking ends as soon as the diagnosis is sure, and at the latest with `within`.
"""

from __future__ import annotations

from collections.abc import Sequence

from watchdog.evidence import stacks, threads
from watchdog.evidence.questions import Asking
from watchdog.evidence.session import Session
from watchdog.model.evidence import Configured, Evidence, Exit, LogTail
from watchdog.model.process import Tree
from watchdog.system import clock

_LONG, _SLOW = 0.05, 0.2  # a look that takes so much of the whole time, and so many seconds


def quick(tree: Tree, within: float = 0.5) -> Evidence:
    """Stacks and thread states of the whole tree, once: what a kill keeps of those that it ends."""
    deadline = clock.Deadline(within)
    session = Session(tree, Configured(), deadline)
    session.look()
    session.read_sources()
    return session.evidence()


def gather(
    tree: Tree | None,
    configured: Configured,
    within: float,
    locals: bool = False,
    logs: Sequence[LogTail] = (),
    exits: Sequence[Exit] = (),
    asking: Asking | None = None,
    enough: float | None = None,
) -> Evidence:
    """Evidence over time, at most about `within` seconds. `tree` is None where nothing runs.

    `enough`: seconds after which the looking ends, whatever is known by then: for evidence without a verdict.

    Where somebody keeps `asking` the server already, no question of our own comes on top of theirs.
    """
    session = Session(tree, configured, clock.Deadline(within), keep_locals=locals, logs=logs, exits=exits)
    session.look()
    took = session.at
    session.ask(asking)
    begun = 0.0  # of the last round
    if took > max(_LONG * within, _SLOW):
        # Two looks show what stands still, and nothing else does: on a slow machine they come before the surroundings.
        session.wait(_pauses()[0])
        begun = session.at
        session.look()
    for number, pause in enumerate(_pauses()):
        session.look_around()
        if enough is not None and number and session.at >= enough:  # two looks at least: one shows no movement
            break
        if session.settled or session.deadline.left < max(pause, session.at - begun):
            break
        session.wait(pause)
        begun = session.at
        session.look()
    session.finish()
    return session.evidence()


def _pauses() -> Sequence[float]:
    """Close looks first, for what is stuck now; wider ones later, for what grows."""
    return (0.25, 0.3, 0.4, 0.5, 0.6, *([0.8] * 5), *([1.2] * 60))


__all__ = ["gather", "quick", "stacks", "threads"]
