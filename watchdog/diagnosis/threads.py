"""The threads of one server: what each does among the others. Pure and lazy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

from watchdog.diagnosis import posts
from watchdog.diagnosis.code import at_place, function, package
from watchdog.diagnosis.indexed import Indexed
from watchdog.diagnosis.thread_facts import ThreadFacts
from watchdog.diagnosis.waits import Wait, wait_of
from watchdog.model.evidence import Frame, ThreadStack

# Where a forked child of the standard library begins; of others the memory tells (`TaskLook.born`).
_BIRTHS = ("multiprocessing/process.py:_bootstrap", "billiard/process.py:_bootstrap")
_TOGETHER = 0.6  # of the looks: one of several threads was on a CPU


class ThreadView(ThreadFacts):
    """One thread, its wait, and its place among the threads of its server."""

    view: Threads

    def __init__(self, view: Threads, pid: int, tid: int | None) -> None:
        super().__init__(view, pid, tid)

    @cached_property
    def wait(self) -> Wait:
        return wait_of(self)

    @cached_property
    def spins(self) -> bool:
        return super().spins or self._takes_turns

    @property
    def _takes_turns(self) -> bool:
        """Several threads that compute in one function share the interpreter's lock: each seems to wait mostly."""
        if not self.got_cpu or len(self.looks) + len(self.samples) < 3 or (self.pid, self.tid) in self.view.wanting:
            return False
        return self.app_function in self.view.shared_places

    @cached_property
    def app_function(self) -> tuple[int, str, str] | None:
        """The function of the application that it is in."""
        return (self.pid, self.app_frame.file, self.app_frame.function) if self.app_frame else None

    @cached_property
    def serves_request(self) -> bool:
        """By the server's calls around it; in a home-made server, since it began with a client's request."""
        return posts.serves_request(self.frames) or self.view.began_for_client(self)

    @cached_property
    def waits_for_work(self) -> bool:
        """It waits for work, at a server's post or at one of the application's own making."""
        if self.is_idle:
            return True
        own = self.app_frame
        if own is not None and own in self.work and posts.receives(self.work[: self.work.index(own)]):
            return True
        if self.serves_request or self.spins:
            return False
        kind = self.wait.kind
        if self.is_main and self.view.is_server(self.pid) and not self.view.accepts(self.pid):
            return kind in ("accept", "select", "poll", "client")  # a home-made server of one thread
        if kind == "child":
            return not self.view.is_server(self.pid)  # a launcher waits for what it has started
        return kind in ("queue", "event", "accept", "select", "poll", "sleep", "semaphore", "client")

    @cached_property
    def is_event_loop(self) -> bool:
        """By what it shows of a loop, or because it is the one that waits for sockets where there are tasks."""
        return self.shows_loop or self.is_hidden_loop

    @cached_property
    def shows_loop(self) -> bool:
        """By the loop's own calls, or because a coroutine of the application runs on it."""
        return posts.is_event_loop(self.frames) or any(self.view.is_coroutine(frame) for frame in self.frames)

    @cached_property
    def is_hidden_loop(self) -> bool:
        """A loop that is not written in Python has no calls to see while it idles; its tasks are seen all the same."""
        tasks = any(look.pid == self.pid and look.tasks for look in self.view.tasks)
        return (
            tasks
            and self.wait.kind == "select"
            and not any(thread.shows_loop for thread in self.view.threads_of(self.pid))
        )


class Threads(Indexed):
    """All threads that are still there."""

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
    def shared_places(self) -> frozenset[tuple[int, str, str]]:
        """Functions in which several threads of a process are, one of them on a CPU most of the time."""
        running: dict[tuple[int, str, str], list[float]] = {}
        for thread in self.threads:
            if thread.app_function is not None:
                running.setdefault(thread.app_function, []).append(thread.running)
        return frozenset(place for place, shares in running.items() if len(shares) > 1 and sum(shares) >= _TOGETHER)

    @cached_property
    def wanting(self) -> frozenset[tuple[int, int | None]]:
        """Threads that wait for a lock of the application."""
        return frozenset((point.pid, point.tid) for look in self.evidence.locks for point in look.wanted)

    @cached_property
    def python_threads(self) -> tuple[ThreadView, ...]:
        return tuple(thread for thread in self.threads if thread.samples)

    def threads_of(self, pid: int) -> Iterator[ThreadView]:
        return (thread for thread in self.threads if thread.pid == pid)

    @cached_property
    def packages(self) -> dict[int, tuple[str, ...]]:
        """By process, the packages of all its calls, each once."""
        found: dict[int, dict[str, None]] = {}
        for thread in self.threads:
            found.setdefault(thread.pid, {}).update(dict.fromkeys(map(package, thread.frames)))
        return {pid: tuple(names) for pid, names in found.items()}

    def thread(self, pid: int, tid: int | None) -> ThreadView | None:
        return self._by_id.get((pid, tid))

    @cached_property
    def _by_id(self) -> dict[tuple[int, int | None], ThreadView]:
        return {(one.pid, one.tid): one for one in self.threads}

    def other_threads(self, pid: int) -> Iterator[ThreadView]:
        """Threads of a process outside the server, which holds what the server waits for."""
        for look in self.evidence.others:
            for stack in look.threads if look.pid == pid else ():
                thread = ThreadView(self, pid, stack.tid)
                thread.samples.append((look.at, stack))
                yield thread

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

    def accepts(self, pid: int) -> bool:
        """Whether some thread of the process waits for connections, or for any of its sockets."""
        return any(thread.wait.kind in ("accept", "select") or thread.is_idle for thread in self.threads_of(pid))

    def began_for_client(self, thread: ThreadView) -> bool:
        """A thread a connection: it began at the moment when a request came in that still has no answer."""
        if thread.is_main or thread.age is None or posts.is_idle(thread.frames) or not thread.frames:
            return False
        came = [one.received_ago for one in self.clients if one.pid == thread.pid and one.received and not one.unread]
        return any(ago is not None and abs(ago - thread.age) < 0.5 for ago in came)

    @cached_property
    def stuck_threads(self) -> tuple[ThreadView, ...]:
        """Threads that wait in application code for something that does not come, longest first."""
        found = [
            thread
            for thread in self.python_threads
            if not thread.waits_for_work and thread.app_frame and thread.stuck >= 0.5
        ]
        return tuple(sorted(found, key=lambda thread: -thread.stuck))


def _same_call(frame: Frame, other: Frame) -> bool:
    return frame.file == other.file and function(frame) == function(other)
