"""The evidence of one server: what every rule asks, beside what is asked of a thread. Pure and lazy."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cached_property

from watchdog.diagnosis import jobs, posts, shape
from watchdog.diagnosis.code import at_place, function, innermost_application, is_application
from watchdog.diagnosis.thread_view import ThreadView
from watchdog.model.evidence import (
    Answer,
    Connection,
    Descriptor,
    Evidence,
    Frame,
    ProcessLook,
    SourceFile,
    TaskLook,
    ThreadStack,
)
from watchdog.model.finding import Culprit
from watchdog.model.process import Process

__all__ = ["ThreadView", "View", "short"]

DECLINES = (429, 503)  # too many requests; not now
# Where a forked child of the standard library begins; of others the memory tells (`TaskLook.born`).
_BIRTHS = ("multiprocessing/process.py:_bootstrap", "billiard/process.py:_bootstrap")


class View:
    """Everything the rules ask of the evidence."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._descriptors = {(one.pid, one.number): one for one in evidence.descriptors}

    @cached_property
    def threads(self) -> tuple[ThreadView, ...]:
        found: dict[tuple[int, int | None], ThreadView] = {}
        for look in self.evidence.looks:
            for thread in look.threads:
                view = found.setdefault((thread.pid, thread.tid), ThreadView(self, thread.pid, thread.tid))
                view.looks.append((look.at, thread))
        for sample in self.evidence.stacks:
            for stack in sample.threads:
                view = found.setdefault((stack.pid, stack.tid), ThreadView(self, stack.pid, stack.tid))
                view.samples.append((sample.at, self._since_fork(stack)))
        last = {pid: max(look.at for look in self.evidence.looks if look.process.pid == pid) for pid in self.processes}
        return tuple(
            thread
            for thread in found.values()
            if not thread.looks or thread.looks[-1][0] >= last.get(thread.pid, 0.0)  # those that are still there
        )

    def _since_fork(self, stack: ThreadStack) -> ThreadStack:
        """Only the calls that the process made itself. A forked child keeps those of its parent, and never returns to
        them."""
        born = self._births.get(stack.pid)
        for index, frame in enumerate(stack.frames):
            here = born is not None and stack.tid in (stack.pid, None)
            if at_place(frame, _BIRTHS) or (here and born and _same_call(frame, born)):
                return replace(stack, frames=stack.frames[: index + 1])
        return stack

    @cached_property
    def _births(self) -> dict[int, Frame]:
        return {look.pid: look.born for look in self.evidence.tasks if look.born is not None}

    @cached_property
    def python_threads(self) -> tuple[ThreadView, ...]:
        return tuple(thread for thread in self.threads if thread.samples)

    def threads_of(self, pid: int) -> Iterator[ThreadView]:
        return (thread for thread in self.threads if thread.pid == pid)

    @cached_property
    def processes(self) -> dict[int, Process]:
        """As last seen."""
        return {look.process.pid: look.process for look in self.evidence.looks}

    @cached_property
    def last_looks(self) -> dict[int, ProcessLook]:
        return {look.process.pid: look for look in self.evidence.looks}

    def descriptor(self, pid: int, number: int) -> Descriptor | None:
        return self._descriptors.get((pid, number))

    @cached_property
    def _connections(self) -> dict[int, Connection]:
        return {one.inode: one for one in self.evidence.connections if one.inode}

    def connection(self, inode: int | None) -> Connection | None:
        return self._connections.get(inode or 0)

    @cached_property
    def upstreams(self) -> tuple[Connection, ...]:
        """Connections that the server itself has opened, or tries to."""
        return tuple(one for one in self.evidence.connections if not one.served and one.pid is not None)

    @cached_property
    def clients(self) -> tuple[Connection, ...]:
        """Connections to the server's ports; those that wait in its queue belong to no process."""
        return tuple(one for one in self.evidence.connections if one.served)

    @cached_property
    def span(self) -> float:
        """Seconds from the first to the last look."""
        return max((look.at for look in self.evidence.looks), default=0.0)

    # -- health ------------------------------------------------------------

    @cached_property
    def answered(self) -> tuple[Answer, ...]:
        """Good answers within the limit."""
        return tuple(answer for answer in self.evidence.answers if answer.verdict in ("ok", "slow"))

    @cached_property
    def unanswered(self) -> tuple[Answer, ...]:
        return tuple(answer for answer in self.evidence.answers if answer.verdict in ("timeout", "pending"))

    @cached_property
    def waited(self) -> float:
        """Seconds for which the longest question has waited in vain."""
        return max((answer.seconds for answer in self.unanswered), default=0.0)

    @cached_property
    def answers_well(self) -> bool:
        """Every question came back, in good time."""
        limit = max(1.0, self.evidence.configured.limit * 0.3)
        return (
            bool(self.answered)
            and len(self.answered) == len(self.evidence.answers)
            and all(answer.seconds <= limit for answer in self.answered)
        )

    @cached_property
    def hung(self) -> bool:
        """A question waits so long that it is no hiccup, and longer than those that were answered."""
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
    def stuck_threads(self) -> tuple[ThreadView, ...]:
        """Threads that wait in application code for something that does not come, longest first."""
        found = [
            thread
            for thread in self.python_threads
            if not thread.waits_for_work and thread.app_frame and thread.stuck >= 0.5
        ]
        return tuple(sorted(found, key=lambda thread: -thread.stuck))

    @cached_property
    def tasks(self) -> tuple[TaskLook, ...]:
        """The last reading of each interpreter's memory."""
        return tuple({look.pid: look for look in self.evidence.tasks}.values())

    @cached_property
    def rss(self) -> int:
        """Bytes of the whole server, at the last look."""
        return self.evidence.memory[-1].rss if self.evidence.memory else 0

    def is_child(self, pid: int, parent: int) -> bool:
        process = self.processes.get(pid)
        return process is not None and process.parent == parent

    @cached_property
    def roots(self) -> tuple[ThreadView, ...]:
        """Stuck threads that wait for no lock of another: those that others wait for first."""
        blocked = {(point.pid, point.tid) for look in self.evidence.locks for point in look.wanted}
        holding = {(point.pid, point.tid) for look in self.evidence.locks for point in look.held}
        found = [one for one in self.stuck_threads if (one.pid, one.tid) not in blocked and one.wait.kind != "lock"]
        return tuple(
            sorted(found, key=lambda one: ((one.pid, one.tid) not in holding, not one.serves_request, -one.stuck))
        )

    def other_threads(self, pid: int) -> Iterator[ThreadView]:
        """Threads of a process outside the server, which holds what the server waits for."""
        for look in self.evidence.others:
            for stack in look.threads if look.pid == pid else ():
                thread = ThreadView(self, pid, stack.tid)
                thread.samples.append((look.at, stack))
                yield thread

    def oldest_request(self, pid: int) -> float:
        """Seconds since the oldest request came in that the process has read and not answered, as sockets tell."""
        return max(
            (one.received_ago or 0.0 for one in self.clients if one.pid == pid and _is_unanswered(one)),
            default=0.0,
        )

    def is_server(self, pid: int) -> bool:
        """Whether the process itself holds the port, and no child of it does."""
        return pid in self._serving and not any(self.is_child(other, pid) for other in self._serving)

    @cached_property
    def _serving(self) -> frozenset[int]:
        """Holders of the port, without those that only inherited it: a forked child that does other work."""
        held = {holder for _, listener in self.evidence.listeners[-4:] for holder in listener.holders}
        return frozenset(pid for pid in held if not self._only_inherits(pid))

    def _only_inherits(self, pid: int) -> bool:
        process = self.processes.get(pid)
        if process is None or not process.forked or any(one.pid == pid for one in self.clients):
            return False
        threads = list(self.threads_of(pid))
        return not any(one.wait.kind in ("accept", "select") or posts.is_server(one.frames) for one in threads)

    def works_for_others(self, waiter: ThreadView) -> bool:
        """Whether another thread of the process is in the middle of work that was given to a pool."""
        return any(one is not waiter and posts.in_work_item(one.frames) for one in self.threads_of(waiter.pid))

    def is_waited_for(self, pid: int) -> bool:
        """Whether somebody else in the server waits for this process: for its end, its data or its result."""
        process = self.processes.get(pid)
        return any(
            pid in one.wait.pids
            or (process is not None and one.pid == process.parent and one.wait.kind in ("child", "future", "join"))
            for one in self.stuck_threads
            if one.pid != pid
        )

    def accepts(self, pid: int) -> bool:
        """Whether some thread of the process waits for connections, or for any of its sockets."""
        return any(thread.wait.kind in ("accept", "select") or thread.is_idle for thread in self.threads_of(pid))

    def began_for_client(self, thread: ThreadView) -> bool:
        """A thread a connection: it began at the moment when a request came in that still has no answer."""
        if thread.is_main or thread.age is None or posts.is_idle(thread.frames) or not thread.frames:
            return False
        came = [one.received_ago for one in self.clients if one.pid == thread.pid and one.received and not one.unread]
        return any(ago is not None and abs(ago - thread.age) < 0.5 for ago in came)

    def only_busy(self, thread: ThreadView) -> bool:
        """No other thread of the server does anything for anybody."""
        return all(other is thread or other.waits_for_work for other in self.python_threads)

    @property
    def limit(self) -> float:
        """Seconds that a good answer may take."""
        return self.evidence.configured.limit

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
        """No question can tell how it fares: what its threads do decides."""
        return jobs.unasked(self)

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
    def troubled(self) -> bool:
        """Our question or somebody else's request waits in vain."""
        return self.in_trouble or bool(self.waiting)

    @cached_property
    def unread_for(self) -> float:
        """Seconds for which the oldest request has lain in a socket of the server that nobody reads."""
        ages = [one.received_ago for one in self.clients if one.unread > 1 and one.received_ago is not None]
        return max(ages, default=0.0)

    # -- pieces of findings ----------------------------------------------------

    @cached_property
    def _files(self) -> dict[str, SourceFile]:
        return {source.path: source for source in self.evidence.sources}

    def file(self, path: str) -> SourceFile | None:
        return self._files.get(path)

    def source(self, frame: Frame) -> str:
        return (self.evidence.source(frame.file, frame.line) or "").strip()

    def innermost(self, frames: Iterable[Frame]) -> Frame | None:
        """The innermost frame of the application's own code."""
        return innermost_application(frames)

    def is_coroutine(self, frame: Frame) -> bool:
        source = self.file(frame.file) if is_application(frame) else None
        return source is not None and isinstance(shape.function_at(source, frame.line), ast.AsyncFunctionDef)

    def function_start(self, frame: Frame) -> int:
        """The first line of the function that the frame is in; 1 where the source does not tell."""
        source = self.file(frame.file)
        node = shape.function_at(source, frame.line) if source else None
        return getattr(node, "lineno", 1)

    def _named_function(self, frame: Frame) -> str:
        """A comprehension is a part of the function that it stands in."""
        if not function(frame).startswith("<") or function(frame) in ("<module>", "<lambda>"):
            return frame.function
        source = self.file(frame.file)
        node = shape.function_at(source, frame.line) if source else None
        return getattr(node, "name", frame.function)

    def culprit(self, frame: Frame | None, thread: ThreadView | None = None, line: int | None = None) -> Culprit | None:
        if frame is None:
            return None
        number = frame.line if line is None else line
        return Culprit(
            file=frame.file,
            line=number,
            function=self._named_function(frame),
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


def _same_call(frame: Frame, other: Frame) -> bool:
    return frame.file == other.file and function(frame) == function(other)


def short(frame: Frame) -> str:
    """ "withdraw (server.py:30)"."""
    return f"{function(frame)} ({frame.file.rpartition('/')[2]}:{frame.line})"
