"""Python code goes round and round and never ends: a thread wants the CPU in every look, in the same function."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import jobs, posts
from watchdog.diagnosis.ended_peers import read_after_end
from watchdog.diagnosis.rules.slow_degradation import ends_with_kept_state
from watchdog.diagnosis.spinning import Spin, is_needed, spins
from watchdog.diagnosis.view import View, short
from watchdog.model.causes import Advice
from watchdog.model.finding import Certainty, Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Give the loop an end: check what it waits for, bound the number of rounds, and make sure that each round gets "
    "nearer to the end. Long computations belong into a process of their own."
)


def rule(view: View) -> Iterator[Finding]:
    for spin in spins(view):
        if spin.native or not to_blame(view, spin):
            continue
        thread = spin.thread
        ended = read_after_end(view, thread, spin.frame)
        rest = f"; it reads again and again from {ended}" if ended else ""
        rest += "; the event loop runs nothing else meanwhile" if thread.is_event_loop else ""
        yield Finding(
            cause="busy-loop",
            certainty=certainty(view, spin),
            lasted=None if view.unasked else spin.seconds,
            summary=f"{thread.label} computes without end in {short(spin.frame)} for at least "
            f"{format_duration(spin.seconds)}{rest}",
            instead=advice(view),
            culprit=view.culprit(spin.frame, thread),
            evidence=(thread.reference, f"threads.json#pid={thread.pid},tid={thread.tid}"),
            prevent=PREVENT,
            no_end=thread.is_main and jobs.endless(view, thread, spin.frame) == "certain",
        )


def to_blame(view: View, spin: Spin) -> bool:
    """A thread or child that computes in the background and holds nobody up is at work, not at fault."""
    thread = spin.thread
    if view.unasked:
        return endless(view, spin) is not None
    if not view.hung:
        return spin.seconds >= view.limit and _holds_somebody_up(view, spin)
    if ends_with_kept_state(view, thread):
        return False
    if thread.serves_request or thread.is_event_loop or view.only_busy(thread):
        return True
    serves = view.is_server(thread.pid) and (thread.is_main or spin.native)
    return serves or view.is_waited_for(thread.pid)


def _holds_somebody_up(view: View, spin: Spin) -> bool:
    """While questions are answered: a request, the work of a child that requests wait for, or a job of a queue."""
    thread = spin.thread
    if thread.serves_request and view.waiting and keeps_others_out(view, spin):
        return True
    if not (is_needed(view, spin) or thread.pid in jobs.workers_below(view)):
        return False
    return jobs.endless(view, thread, spin.frame) in _SHOWN


_SHOWN = ("certain", "likely")  # by the source: it has no end


def keeps_others_out(view: View, spin: Spin) -> bool:
    """A server that answers all the same may compute for one request; not where its process can take no other."""
    thread = spin.thread
    takes = thread.is_main and not posts.is_pool_worker(thread.frames)
    return thread.is_event_loop or (takes and not view.accepts(thread.pid))


def endless(view: View, spin: Spin) -> Certainty | None:
    """Where nobody can ask, a thread that computes may be at work: only one without an end is to blame."""
    if spin.native:
        blamed = spin.seconds >= view.limit and (spin.thread.serves_request or spin.thread.is_main)
        return "likely" if blamed else None
    return jobs.endless(view, spin.thread, spin.frame)


def certainty(view: View, spin: Spin) -> Certainty:
    if view.unasked:
        return endless(view, spin) or "guess"
    known = spin.thread.serves_request or spin.thread.is_event_loop
    return "certain" if known and view.hung else "likely"


def advice(view: View) -> Advice:
    return "restart-worker" if view.answered and len(view.evidence.python) > 2 else "restart"
