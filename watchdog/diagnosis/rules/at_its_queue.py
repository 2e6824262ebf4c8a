"""Nobody can ask it, and nothing in it is stuck: it waits for its next job or message, or it is at work."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import jobs, shape
from watchdog.diagnosis.code import is_application
from watchdog.diagnosis.spinning import spins
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration


def rule(view: View) -> Iterator[Finding]:
    held = any(one.state in "TtD" for one in view.processes.values())
    if view.unasked and not (held or view.in_trouble or jobs.lost_peers(view)):
        yield _unseen(view) or _at_work(view) or _not_accepting(view) or _idle(view)


def _unseen(view: View) -> Finding | None:
    """Without the calls of a process nothing is known of it, and an event loop at rest says nothing of its tasks: what
    was not read is a gap, and not rest."""
    running = [pid for pid in view.evidence.python if pid in view.processes and jobs.lasts(view, pid)]
    seen = {thread.pid for thread in view.python_threads}
    dark = [pid for pid in running if pid not in seen]
    unread = [pid for pid in running if _keeps_unread(view, pid)]
    if not dark and not unread:
        return None
    numbers = ", ".join(map(str, (dark or unread)[:5]))
    words = f"what process {numbers} does could not be seen" if dark else f"not all of process {numbers} could be read"
    details = ("what was not seen, and what would show it, stands below",)
    return Finding("unknown", "guess", f"nobody can ask it, and {words}", "wait", details=details)


def _keeps_unread(view: View, pid: int) -> bool:
    """Whether something may be stuck in it that was looked for and not reached: tasks of its loop, or more threads."""
    read = {look.pid: look for look in view.tasks}
    if pid in read and not read[pid].error:
        return read[pid].unread
    tried = pid in read or any(gap.collector == "tasks" for gap in view.evidence.gaps)
    return tried and any(thread.is_event_loop for thread in view.threads_of(pid))


def _at_work(view: View) -> Finding | None:
    """A job that moves, or waits for less time than jobs commonly do; or children that come and go, one a job."""
    busy = [spin for spin in spins(view) if not spin.thread.is_idle and jobs.lasts(view, spin.thread.pid)]
    if busy:
        thread, frame = busy[0].thread, busy[0].frame
        words = f"{thread.label} computes in {short(frame)}, and its calls move"
        return _finding(view, "healthy-busy", words, thread)
    waiting = [one for one in jobs.waiting_threads(view) if jobs.lasts(view, one.pid)]
    if waiting:
        thread = max(waiting, key=lambda one: one.stuck)
        assert thread.app_frame is not None
        words = f"{thread.label} is at a job in {short(thread.app_frame)}: it waits for {jobs.awaited(thread)}"
        return _finding(view, "healthy-busy", words + _since(thread), thread)
    for one in jobs.job_waits(view)[:1]:
        words = f"a job waits for {one.words} in {short(one.app_frame)}"
        return Finding("healthy-busy", "likely", words, "none", view.culprit(one.app_frame))
    for parent, count in view.relieved.items():
        many = "1 child has" if count == 1 else f"{count} children have"
        words = f"process {parent} forks a child for each piece of work: in {format_duration(view.span)} {many} ended"
        return Finding("healthy-busy", "likely", f"{words}, and another began", "none", evidence=("processes.json",))
    return None


def _not_accepting(view: View) -> Finding | None:
    """Who waits for clients takes them at once: a connection that lies in the queue of its port tells another story."""
    left = [one.received_ago or 0.0 for one in view.clients if one.is_in_queue]
    longest = max(left, default=0.0)
    if longest < view.limit:
        return None
    many = "1 connection has waited" if len(left) == 1 else f"{len(left)} connections have waited"
    words = f"nobody can ask it; {many} for up to {format_duration(longest)} in the queue of its port, and no thread "
    return Finding("unknown", "guess", f"{words}that is stuck was seen", "wait", evidence=("sockets.json",))


def _idle(view: View) -> Finding:
    """Each of its threads waits for work: which, is said of the one that tells most."""
    names = sorted({name for pid in view.processes if (name := jobs.engine(view, pid))})
    if names:
        peers = sorted({one.remote for one in view.upstreams if one.state == "ESTABLISHED"})
        where = f" ({', '.join(peers[:3])})" if peers else ""
        words = f"it waits for the next job at its queue{where}: no thread has a job in hand"
        if not peers:
            words = "it waits until the next job is due: no thread has a job in hand"
        return Finding(
            "healthy", "likely", f"{words} ({', '.join(names)})", "none", evidence=("stacks.json", "sockets.json")
        )
    thread = next((one for one in view.python_threads if one.is_main), None)
    if thread is None or thread.app_frame is None:
        words = "each of its threads waits for work, and none is stuck"
        return Finding("healthy", "likely", words, "none", evidence=("stacks.json",))
    if thread.wait.kind == "sleep" and thread.sleep_left >= jobs.LONG_SLEEP and not _in_loop(view, thread):
        words = f"{thread.label} sleeps in {short(thread.app_frame)}{_since(thread)}; no loop comes back to that line"
        return _finding(view, "healthy-but-slow", words, thread)
    words = (
        f"nobody can ask it; {thread.label} waits for {thread.wait.words} in {short(thread.app_frame)}{_since(thread)}"
    )
    return _finding(view, "healthy", words, thread)


def _in_loop(view: View, thread: ThreadView) -> bool:
    """Whether the pause lies between two rounds: a call stands in a loop, or the source does not tell."""
    sources = [(view.file(frame.file), frame.line) for frame in thread.frames if is_application(frame)]
    return any(source is None or shape.in_loop(source, line) is not False for source, line in sources)


def _since(thread: ThreadView) -> str:
    since = f", for {format_duration(thread.stuck)} by now" if thread.stuck >= 1 else ""
    return since + (f", and for another {format_duration(thread.sleep_left)}" if thread.sleep_left >= 1 else "")


def _finding(view: View, cause: str, words: str, thread: ThreadView) -> Finding:
    return Finding(cause, "likely", words, "none", view.culprit(thread.app_frame, thread), evidence=(thread.reference,))
