"""One server as the rules ask for it: does it answer, who waits, and which thread is the root. Pure and lazy."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from watchdog.diagnosis import jobs, posts
from watchdog.diagnosis.code import innermost_application, short
from watchdog.diagnosis.misheard import is_misheard
from watchdog.diagnosis.tasks import answers_request, suspended
from watchdog.diagnosis.threads import Threads, ThreadView
from watchdog.model.evidence import Answer, Frame
from watchdog.model.finding import Culprit
from watchdog.model.open_files import Connection

__all__ = ["ThreadView", "View", "short"]

DECLINES = (429, 503)  # too many requests; not now
_TELLING = frozenset({"ok", "slow", "late", "timeout", "pending", "refused"})  # answers that say how the server is


class View(Threads):
    """Everything the rules ask of the evidence."""

    @cached_property
    def answered(self) -> tuple[Answer, ...]:
        """Good answers within the limit."""
        return tuple(answer for answer in self.evidence.answers if answer.verdict in ("ok", "slow"))

    @cached_property
    def unanswered(self) -> tuple[Answer, ...]:
        silent = tuple(answer for answer in self.evidence.answers if answer.verdict in ("timeout", "pending"))
        return () if silent and is_misheard(self) else silent

    @cached_property
    def waited(self) -> float:
        """Seconds for which the longest question has waited in vain."""
        return max((answer.seconds for answer in self.unanswered), default=0.0)

    @cached_property
    def answers_well(self) -> bool:
        """Every question came back, in good time."""
        limit = max(1.0, self.evidence.configured.limit * 0.3)
        under_way = sum(one.verdict == "pending" and one.seconds <= limit for one in self.evidence.answers)
        return (
            bool(self.answered)
            and len(self.answered) + under_way == len(self.evidence.answers)
            and all(answer.seconds <= limit for answer in self.answered)
        )

    @cached_property
    def hung(self) -> bool:
        """A question waits so long that it is not a hiccup, and longer than those that were answered."""
        usual = max((answer.seconds for answer in (*self.answered, *self.late)), default=0.0)
        return self.waited >= max(1.0, 1.5 * usual + 0.5 if self.late else min(self.limit, 1.5 * usual + 0.5))

    @cached_property
    def late(self) -> tuple[Answer, ...]:
        """Good answers beyond the limit: it works, and too slowly."""
        return tuple(answer for answer in self.evidence.answers if answer.verdict == "late")

    @cached_property
    def slow(self) -> bool:
        """Answers come, and take long."""
        return any(answer.seconds > self.limit * 0.3 for answer in (*self.answered, *self.late))

    @cached_property
    def roots(self) -> tuple[ThreadView, ...]:
        """Stuck threads that wait for no lock of another: those that others wait for first."""
        blocked = {(point.pid, point.tid) for look in self.evidence.locks for point in look.wanted}
        holding = {(point.pid, point.tid) for look in self.evidence.locks for point in look.held}
        found = [one for one in self.stuck_threads if (one.pid, one.tid) not in blocked and one.wait.kind != "lock"]
        return tuple(
            sorted(found, key=lambda one: ((one.pid, one.tid) not in holding, not one.serves_request, -one.stuck))
        )

    def oldest_request(self, pid: int) -> float:
        """Seconds since the oldest request came in that the process has read and not answered, as sockets tell."""
        return max(
            (one.received_ago or 0.0 for one in self.clients if one.pid == pid and _is_unanswered(one)),
            default=0.0,
        )

    def is_at_work(self, pid: int) -> bool:
        """Whether the process, or a child of it, computes or goes on through its calls."""
        own = any(one.spins or (one.moves and not one.waits_for_work) for one in self.threads_of(pid))
        return own or any(self.is_at_work(child) for child in self.processes if self.is_child(child, pid))

    def is_waited_for(self, pid: int) -> bool:
        """Whether somebody else in the server waits for this process: for its end, its data or its result."""
        process = self.processes.get(pid)
        parent = process.parent if process is not None else 0
        given = ("child", "threads") if self.works_for_pool(pid) else ("child",)
        if any(one.task.pid == parent and one.kind in given for one in suspended(self)):
            return True
        return any(
            pid in one.wait.pids
            or (one.pid == parent and (one.wait.kind in ("child", "future", "join") or posts.gathers(one.work)))
            for one in self.stuck_threads
            if one.pid != pid
        )

    def may_be_waited_for(self, pid: int) -> bool:
        """The same, or it works for a pool of processes, and a request waits for a future: of which work, no memory
        tells."""
        parent = self.processes[pid].parent if pid in self.processes else 0
        futures = (one for one in suspended(self) if one.kind == "unknown" and one.task.pid == parent)
        return self.is_waited_for(pid) or (
            self.works_for_pool(pid) and any(answers_request(one.task) for one in futures)
        )

    def works_for_pool(self, pid: int) -> bool:
        """Whether the process is a worker of a pool of processes, with a piece of work in hand."""
        return any(posts.is_pool_worker(one.frames) and not one.is_idle for one in self.threads_of(pid))

    def only_busy(self, thread: ThreadView) -> bool:
        """No other thread of the server does anything for anybody."""
        return all(other is thread or other.waits_for_work for other in self.python_threads)

    @cached_property
    def failing(self) -> tuple[Answer, ...]:
        """Answers that came back and were no good ones."""
        bad = ("failed", "refused", "reset") if self.evidence.configured.url else ("refused",)
        found = (answer for answer in self.evidence.answers if answer.verdict in bad)
        return tuple(answer for answer in found if answer.status not in DECLINES)

    @cached_property
    def declining(self) -> tuple[Answer, ...]:
        """Answers by which the application itself says that it would rather not: it works, and says so."""
        return tuple(answer for answer in self.evidence.answers if answer.status in DECLINES)

    @cached_property
    def in_trouble(self) -> bool:
        """Somebody who asks the server now does not get what he should."""
        return self.hung or bool(self.failing) or bool(self.late) or (self.unasked and jobs.has_stuck(self))

    @cached_property
    def unasked(self) -> bool:
        """No question can tell whether it works: what its threads do decides."""
        evidence = self.evidence
        telling = any(one.verdict in _TELLING for one in evidence.answers) and not is_misheard(self)
        if not evidence.python or not self.processes or telling:
            return False
        if evidence.configured.url is not None or (
            not evidence.protocol and any(one.verdict == "local" for one in evidence.answers)
        ):
            return False  # it could be asked, and nobody did: that says nothing of it
        return bool(evidence.answers or evidence.protocol) or (
            evidence.configured.port is None and not evidence.listeners
        )

    @cached_property
    def waiting(self) -> tuple[Connection, ...]:
        """Other people's requests that have had no byte of an answer for longer than a good answer may take."""
        return tuple(
            one
            for one in self.clients
            if one.state in ("ESTABLISHED", "CLOSE_WAIT")  # the client may have given up meanwhile
            and _is_unanswered(one)
            and (one.received_ago or 0.0) >= self.limit
        )

    @cached_property
    def inside_unread(self) -> bool:
        """Stacks or tasks of it could not be read: what was read says nothing of those."""
        return any(gap.collector.startswith(("stacks", "tasks")) for gap in self.evidence.gaps)

    @cached_property
    def troubled(self) -> bool:
        """Our question, somebody else's request or a job waits in vain."""
        return self.in_trouble or bool(self.waiting) or bool(jobs.stuck_below(self))

    def innermost(self, frames: Iterable[Frame]) -> Frame | None:
        """The innermost frame of the application's own code."""
        return innermost_application(frames)

    def culprit(self, frame: Frame | None, thread: ThreadView | None = None, line: int | None = None) -> Culprit | None:
        if frame is None:
            return None
        number = frame.line if line is None else line
        return Culprit(
            file=frame.file,
            line=number,
            function=self.named_function(frame),
            source=(self.evidence.source(frame.file, number) or "").strip(),
            pid=thread.pid if thread else None,
            thread=(thread.name or None) if thread else None,
        )


def _is_unanswered(one: Connection) -> bool:
    """Whether nothing went out since the client's last bytes came in."""
    if not one.received or one.received_ago is None:
        return False
    if one.sent_ago is None or one.sent_ago > one.received_ago:
        return True
    # The kernel counts both from the beginning of the connection until the first byte; acknowledging may count as one.
    return one.sent_ago == one.received_ago and one.sent is not None and one.sent <= 1
