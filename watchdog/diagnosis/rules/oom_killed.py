"""Ended at a memory limit: by the kernel's SIGKILL, by a control group, or by its own MemoryError."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import logbook
from watchdog.diagnosis.view import View, short
from watchdog.model.evidence import Exit
from watchdog.model.finding import Finding
from watchdog.text.units import format_size

PREVENT = (
    "Bound what one request may load, free what is not needed, and give it the memory that it really needs; a planned "
    "restart below the limit is milder than the kernel's."
)
# A server's guess at any SIGKILL ("Perhaps out of memory?") and a shell's "Killed" are hints, and prove nothing.
_SAID = r"\bMemoryError\b|(?<!Perhaps )\b[Oo]ut of memory|Cannot allocate memory|\boom-kill|Killed process"
_HINT = r"Perhaps out of memory|SIGKILL!|^Killed$"


def rule(view: View) -> Iterator[Finding]:
    yield from _killed(view)
    yield from _thread_lost(view)


def _killed(view: View) -> Iterator[Finding]:
    evidence = view.evidence
    gone = not view.processes
    errors = [one for one in logbook.all_tracebacks(evidence.logs) if one.type.rpartition(".")[2] == "MemoryError"]
    said = logbook.matching(evidence.logs, _SAID, 40)
    killed = next((one for one in reversed(evidence.exits) if _by_memory(view, one)), None)
    ended_by_error = bool(errors) and logbook.all_tracebacks(evidence.logs)[-1] == errors[-1]
    if killed is None and not (gone and (ended_by_error or said)):
        return
    said = said or (logbook.matching(evidence.logs, _HINT, 40) if killed else [])
    asked_for = killed and any(one.pid == killed.pid and one.limit == "memory" for one in evidence.exits)
    how = " of its playbook (start.limits.memory)" if asked_for else ""
    how += f" by signal {killed.signal} (pid {killed.pid})" if killed and killed.signal else ""
    peak = f", with {format_size(killed.peak_rss)} at the end" if killed and killed.peak_rss else ""
    told = said[-1][:160] if said else (killed.last_lines[-1][:160] if killed and killed.last_lines else "")
    frame = view.innermost(errors[-1].frames) if errors else None
    yield Finding(
        cause="oom-killed",
        certainty="certain"
        if gone and (killed or ended_by_error)
        else "likely"
        if gone or view.in_trouble
        else "guess",
        summary=f"it was ended at a memory limit{how}{peak}{': ' + told if told else ''}",
        culprit=view.culprit(frame),
        evidence=("exits", "log") if said else ("exits",),
        prevent=PREVENT,
        details=tuple(said[-3:]),
    )


def _thread_lost(view: View) -> Iterator[Finding]:
    """The process lives, and a thread of it has ended because memory ran out: whoever waits for it waits in vain."""
    evidence = view.evidence
    living = {thread.name for thread in view.threads}
    dead = [name for name in logbook.dead_threads(evidence.logs) if name not in living]
    said = logbook.matching(evidence.logs, r"\bMemoryError\b|Cannot allocate memory", 20)
    if not dead or not said or not view.in_trouble or not view.processes or _before(view):
        return
    limits = [look.memory_limit for look in view.last_looks.values() if look.memory_limit]
    limits += [one for one in (evidence.machine.memory_limit if evidence.machine else None,) if one]
    last = logbook.all_tracebacks(evidence.logs)[-1:]
    error = next((one for one in last if one.type.rpartition(".")[2] == "MemoryError"), None)
    waiting = [one for one in view.stuck_threads if one.serves_request]
    behind = f"; {len(waiting)} wait in {short(waiting[0].app_frame)}" if waiting and waiting[0].app_frame else ""
    limit = f" at its limit of {format_size(min(limits))}" if limits else ""
    yield Finding(
        cause="oom-killed",
        certainty="likely" if limits else "guess",
        lasted=max((one.stuck for one in waiting), default=0.0),
        summary=f"thread {dead[-1]!r} has died{limit}: {error.short if error else said[-1][:160]}{behind}",
        culprit=view.culprit(view.innermost(error.frames) if error else waiting[0].app_frame if waiting else None),
        evidence=("log", "threads.json"),
        prevent=PREVENT,
        details=tuple(said[-3:]),
    )


def _before(view: View) -> bool:
    """Whether nothing was written to the logs in this life."""
    started = min(process.started for process in view.processes.values())
    written = [log.modified for log in view.evidence.logs if log.modified is not None]
    return bool(written) and max(written) < started


def _by_memory(view: View, end: Exit) -> bool:
    """A kill that the kernel put down to memory, of this server; a bare SIGKILL may have come from anybody."""
    if end.by_wd:
        return False
    if end.limit:
        return end.limit == "memory"
    if end.source == "kernel":
        return end.pid is not None and any(one.pid == end.pid for one in view.evidence.exits if one is not end)
    limit = view.evidence.machine.memory_limit if view.evidence.machine else None
    limit = limit or view.evidence.configured.memory_limit
    return end.signal == 9 and bool(end.peak_rss and limit and end.peak_rss >= 0.9 * limit)
