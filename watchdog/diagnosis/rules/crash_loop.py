"""It dies again soon after each start."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from statistics import median

from watchdog.diagnosis import jobs, logbook
from watchdog.diagnosis.code import at_place
from watchdog.diagnosis.last_words import last_words
from watchdog.diagnosis.spinning import spins
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Exit, LogTail
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Another restart will not help: fix what the traceback names (a broken file, a missing setting, a peer that is "
    "not there at the start), or go back to the last version that lived."
)
# A worker of such a pool holds the listening socket by inheritance alone.
_POOLS = ("multiprocessing/pool.py:worker", "concurrent/futures/process.py:_process_worker")
PREVENT_TIMEOUT = (
    "A restart begins the same work again. Raise the time-out of the workers (gunicorn: --timeout), or load before "
    "they are forked (gunicorn: --preload), so that no request and no time-out waits for it."
)
_TIMED_OUT = r"WORKER TIMEOUT \(pid:\s*\d+\)"
_ENDED_BADLY = (
    r"was sent SIG(?!TERM|INT|QUIT|HUP)|exited with code [1-9]|exitcode -?[1-9]|died (?:unexpectedly|of signal)"
)
_UNSEEN = 3  # equal errors during the looks
_PID = re.compile(r"pid:\s*(\d+)")
_KILL = 9
_ASKED = (1, 2, 15)  # hang up, interrupt, terminate: somebody wanted it to end
OUTLIVED, MOMENT = 3.0, 5.0  # times the longest of the short lives, and seconds: who lives longer is out of the loop
SHORT = 120.0  # seconds: who lives longer has its own fault, not a failed start


def rule(view: View) -> Iterator[Finding]:
    yield from _killed_at_work(view)
    watched = [one for one in view.evidence.exits if _short(one) and served(view, one)]
    ends = [*_streak(view), *(one for one in watched if not is_relieved(view, one))]
    errors = logbook.all_tracebacks(view.evidence.logs)
    repeated = Counter((one.type, one.frames[:1]) for one in errors[-20:] if view.innermost(one.frames))
    again, times = repeated.most_common(1)[0] if repeated else (None, 0)
    seen = sum(one.source == "watched" for one in ends)
    between = times >= 2 and _between_lives(view)
    if not ends and (now := _dies_unseen(view)) is not None:
        errors, again, times, between = (now[0],), (now[0].type, now[0].frames[:1]), now[1], True
    if seen == 0 and len(ends) < 3 and not between:
        return
    if not between and len(ends) < 2 and times < 3:
        return
    lives = [one.lifetime for one in ends if one.lifetime is not None]
    error = next(
        (one for one in reversed(errors) if (one.type, one.frames[:1]) == again), errors[-1] if errors else None
    )
    said = None if error else last_words(view)
    frame = view.innermost(error.frames) if error else said.frame if said else None
    words = error.short if error else said.words if said else ""
    last = f"; its last words: {words}" if words else ""
    yield Finding(
        cause="crash-loop",
        certainty="certain" if times >= 2 or len(ends) >= 2 else "likely",
        summary=f"it dies again {format_duration(median(lives)) if lives else 'soon'} after each start"
        f" ({max(len(ends), times)} times seen){last}",
        culprit=view.culprit(frame),
        evidence=("exits", "log") if words else ("exits",),
        prevent=PREVENT,
        details=tuple(f"pid {one.pid} lived {format_duration(one.lifetime or 0.0)}" for one in ends[-5:]),
    )


def is_relieved(view: View, end: Exit) -> bool:
    """Whether it is a worker that another one followed, while everybody was answered and no log told of an error:
    masters replace their workers after so many requests. Such a master keeps the port; a launcher does not."""
    root = view.evidence.tree.root.pid if view.evidence.tree else None
    kept = all(root in listener.holders for _, listener in view.evidence.listeners)
    calm = view.answers_well and not view.failing and not view.waiting
    told = bool(logbook.all_tracebacks(view.evidence.logs)) or _told(view)
    return calm and kept and bool(view.evidence.listeners) and end.pid != root and not told


def _told(view: View) -> bool:
    """Whether a master tells that a worker ended by itself: by a signal, or with a code that is not 0."""
    return bool(logbook.matching(view.evidence.logs, _ENDED_BADLY))


def _dies_unseen(view: View) -> tuple[logbook.Logged, int] | None:
    """The error of children that die too soon to be seen: the log told of it again and again during the looks, nobody
    takes connections, and nobody is at work. With it how often."""
    nobody_served = view.in_trouble or any(one.is_in_queue for one in view.clients)
    if not nobody_served or any(view.accepts(pid) for pid in view.living):
        return None
    if any(one.serves_request or one.spins for one in view.python_threads):
        return None
    new = [_added(log) for log in view.evidence.logs if log.grown]
    errors = [one for one in logbook.all_tracebacks(new) if view.innermost(one.frames)]
    counts = Counter((one.type, one.frames[:1]) for one in errors)
    usual, times = counts.most_common(1)[0] if counts else (None, 0)
    error = next((one for one in reversed(errors) if (one.type, one.frames[:1]) == usual), None)
    return (error, times) if error is not None and times >= _UNSEEN else None


def _added(log: LogTail) -> LogTail:
    """Only what came in during the looks, which is known in bytes: a character may have several."""
    added = log.text.encode("utf-8", "replace")[-log.grown :]
    return replace(log, text=added.decode("utf-8", "ignore"))


def _killed_at_work(view: View) -> Iterator[Finding]:
    """Each worker is ended at the master's time-out while it still works, and the next one begins the same work again.

    The log's words alone prove nothing: the present workers must be younger than the master, and go on in their work.
    A worker that stands still (at a lock, a peer) has that as its fault, and the time-out helps.
    """
    said = {pid for line in logbook.matching(view.evidence.logs, _TIMED_OUT) for pid in _PID.findall(line)}
    tree = view.evidence.tree
    if len(said) < 2 or tree is None or not view.in_trouble:
        return
    now, began = view.evidence.taken + view.span, tree.root.started
    young = {pid for pid, one in view.processes.items() if now - one.started <= min(SHORT, (now - began) / 2)}
    working = [one for one in view.python_threads if one.pid in young and one.serves_request and _goes_on(one)]
    for thread in working[:1]:
        yield Finding(
            cause="crash-loop",
            certainty="likely",
            waits_for="running" if _never_ends(view, thread) else "",
            summary=f"each worker is ended at the worker time-out while it is in "
            f"{short(thread.app_frame) if thread.app_frame else 'its work'}, and the next one begins that again "
            f"({len(said)} were ended so)",
            instead="fix-config",
            culprit=view.culprit(thread.app_frame, thread),
            evidence=("log", thread.reference),
            prevent=PREVENT_TIMEOUT,
            details=("raise the worker time-out above what this takes, or do it once, before the workers start",),
        )


def _never_ends(view: View, thread: ThreadView) -> bool:
    """Whether a longer time-out would not help: native code that does not come back, or a loop without an end."""
    mine = (spin for spin in spins(view) if spin.thread is thread)
    return any(spin.native or jobs.endless(view, thread, spin.frame) in ("certain", "likely") for spin in mine)


def _goes_on(thread: ThreadView) -> bool:
    return thread.app_frame is not None and (thread.moves or thread.spins)


def _between_lives(view: View) -> bool:
    """Only a launcher lives, which has started nothing again yet, and nobody listens."""
    evidence = view.evidence
    return bool(view.processes) and not evidence.python and not evidence.listeners and bool(view.failing)


def served(view: View, end: Exit) -> bool:
    """Whether it is the server that died under our eyes, and not some helper: it held the port, or was the root.

    A Python program without a port starts children for single jobs; a launcher of another kind starts the program.
    """
    evidence, tree = view.evidence, view.evidence.tree
    if end.source != "watched":
        return False
    if any(at_place(frame, _POOLS) for thread in view.threads_of(end.pid or 0) for frame in thread.frames):
        return False
    held = {pid for _, listener in evidence.listeners for pid in listener.holders}
    if end.pid in held or (tree is not None and end.pid == tree.root.pid):
        return True
    if evidence.listeners:
        return False
    launched = tree is None or tree.root.pid not in evidence.python
    return evidence.configured.port is not None or (launched and end.pid in evidence.python)


def _streak(view: View) -> list[Exit]:
    """The last short lives in a row that ended by themselves; none if the present one has outlived them."""
    found: list[Exit] = []
    for end in reversed([one for one in view.evidence.exits if one.source == "shim"]):
        if end.lifetime is None:
            continue  # nobody recorded how it ended
        if not _short(end) or _was_killed(view, end):
            break
        found.insert(0, end)
    longest = max((one.lifetime or 0.0 for one in found), default=0.0)
    return [] if _age(view) > OUTLIVED * longest + MOMENT else found


def _age(view: View) -> float:
    """Seconds for which the present server lives; 0 if there is none."""
    tree = view.evidence.tree
    return view.evidence.taken + view.span - tree.root.started if tree else 0.0


def _was_killed(view: View, end: Exit) -> bool:
    """By a person or a program: SIGKILL, and the kernel's log, which could be read, has no lack of memory for it."""
    if end.signal != _KILL or end.limit or any(gap.collector == "kernel log" for gap in view.evidence.gaps):
        return False
    return not any(one.pid == end.pid and one.source in ("kernel", "cgroup") for one in view.evidence.exits)


def _short(end: Exit) -> bool:
    """A short life that ended by itself."""
    asked = end.by_wd or end.signal in _ASKED
    return not asked and end.lifetime is not None and end.lifetime <= SHORT
