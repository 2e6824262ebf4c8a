"""Nothing is wrong: it answers, it answers slowly but within the limit, or it is busy by design."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

from watchdog.diagnosis import rounds
from watchdog.diagnosis.givers import GIVEN, threads_at_work
from watchdog.diagnosis.progress import waits_for_children
from watchdog.diagnosis.rules.memory_leak import rising
from watchdog.diagnosis.spinning import Spin, is_needed, spins
from watchdog.diagnosis.tasks import MAY_BE_MEANT, serving
from watchdog.diagnosis.view import View, short
from watchdog.model.finding import Certainty, Finding
from watchdog.text.units import format_duration


def rule(view: View) -> Iterator[Finding]:
    yield from _starting(view)
    if not view.answered and view.declining and not view.in_trouble:
        status = view.declining[-1].status
        yield Finding(
            cause="healthy",
            certainty="guess",
            summary=f"it answers at once, with status {status}: the application says so by itself, and its "
            "log tells why",
            instead="wait",
            evidence=("questions.json", "log"),
        )
    if not view.answered or view.in_trouble:
        return
    times = sorted(answer.seconds for answer in view.answered)
    usual = f"{len(times)} of {len(times)} questions were answered, in {format_duration(median(times))} as a rule"
    if view.slow:
        yield Finding(
            cause="healthy-but-slow",
            certainty="likely",
            summary=f"{usual}, {format_duration(times[-1])} at the longest; the limit is {format_duration(view.limit)}",
            evidence=("questions.json",),
            details=_where(view),
        )
        return
    busy = list(spins(view))
    if busy:
        yield _busy(view, busy, usual)
        return
    waits = _held_up(view)
    certainty: Certainty = "guess" if waits else "likely"
    yield Finding(
        cause="healthy",
        certainty=certainty,
        summary=f"{usual}{waits}",
        evidence=("questions.json",),
        details=rising(view),
    )


def _held_up(view: View) -> str:
    """Others' requests that wait: the questions that were answered say nothing of them. A long poll waits so by design,
    and so does a request whose answer nobody will ever give."""
    if not view.waiting:
        return ""
    count = len(view.waiting)
    many = f"; {count} requests wait" if count > 1 else "; 1 request waits"
    if view.inside_unread:
        return f"{many} without a byte of an answer, and what for could not be read"
    working = waits_for_children(view)
    if len(working) >= count:
        return f"{many} for a child process that goes on, in {short(working[0])}"
    if said := _works_for(view):
        return f"{many} without a byte of an answer; {said}"
    found = serving(view, MAY_BE_MEANT)
    where = f" for {found[0].words} in {short(found[0].app_frame)}" if found else ""
    return f"{many}{where} without a byte of an answer, as a long poll does"


def _works_for(view: View) -> str:
    """Who is at work while a request waits for a result; empty where nobody is."""
    for waiter in sorted(view.stuck_threads, key=lambda one: one.wait.kind != "future"):
        if waiter.serves_request and waiter.wait.kind in GIVEN:
            for one in threads_at_work(view, waiter):
                if one.place is not None:
                    return f"one waits for {waiter.wait.words}, and {one.label} is at work in {short(one.place)}"
    return ""


def _busy(view: View, busy: list[Spin], usual: str) -> Finding:
    """Long work is likely where it is seen to get on, or where nobody waits for it."""
    doubtful = [one for one in busy if is_needed(view, one) and not rounds.gets_on(view, one.thread, one.frame)]
    one = (doubtful or busy)[0]
    doubt = "; a request waits for it, and nothing shows whether it comes nearer to its end: look again later"
    return Finding(
        cause="healthy-busy",
        certainty="guess" if doubtful else "likely",
        summary=f"{usual}; {one.thread.label} is busy in {short(one.frame)}{doubt if doubtful else ''}",
        evidence=("questions.json", one.thread.reference),
    )


def _where(view: View) -> tuple[str, ...]:
    """In which call of the application the slow answers spend their time, where it is one."""
    seen = [
        (frame, share) for one in view.python_threads for frame, share in [one.dominant_frame] if one.serves_request
    ]
    frame, share = max(seen, key=lambda one: one[1], default=(None, 0.0))
    return (f"most of the time goes into {short(frame)}",) if frame is not None and share >= 0.5 else ()


def _starting(view: View) -> Iterator[Finding]:
    """A process that is younger than its start may take, and does not listen yet, loads something."""
    evidence = view.evidence
    if evidence.listeners or not view.processes or any(end.source == "watched" for end in evidence.exits):
        return
    age = evidence.taken - min(process.started for process in view.processes.values())
    if 0 <= age < evidence.configured.ready_within and evidence.configured.port is not None:
        yield Finding(
            cause="healthy-but-slow",
            certainty="guess",
            summary=f"it is starting for {format_duration(age)} and does not listen yet; it may take "
            f"{format_duration(evidence.configured.ready_within)}",
            evidence=("processes.json",),
        )
