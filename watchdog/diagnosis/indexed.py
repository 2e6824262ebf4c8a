"""The evidence of one server by its keys: what it holds, and no judgement. Pure and lazy."""

from __future__ import annotations

import ast
from functools import cached_property

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import function, is_application
from watchdog.model.evidence import Evidence, Frame, ProcessLook, SourceFile, TaskLook
from watchdog.model.open_files import Connection, Descriptor
from watchdog.model.process import Process


class Indexed:
    """What was seen, found by process, by descriptor, by file."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self._descriptors = {(one.pid, one.number): one for one in evidence.descriptors}

    @cached_property
    def processes(self) -> dict[int, Process]:
        """As last seen."""
        return {look.process.pid: look.process for look in self.evidence.looks}

    @cached_property
    def last_looks(self) -> dict[int, ProcessLook]:
        return {look.process.pid: look for look in self.evidence.looks}

    @cached_property
    def gone(self) -> frozenset[int]:
        """Processes that ended while the server was looked at."""
        return frozenset(pid for pid, look in self.last_looks.items() if look.at < self.span)

    @cached_property
    def relieved(self) -> dict[int, int]:
        """By parent, how many forked children ended in this time, where a younger one has followed: pieces of work that
        come and go."""
        young = {one.parent for one in self.processes.values() if one.forked and one.started > self.evidence.taken}
        ended = [self.processes[pid] for pid in self.gone]
        counts = {parent: sum(one.forked and one.parent == parent for one in ended) for parent in young}
        return {parent: count for parent, count in counts.items() if count}

    def is_passing(self, pid: int) -> bool:
        """Whether the process began while the server was looked at, after another child of its parent had ended."""
        process = self.processes.get(pid)
        return process is not None and process.started > self.evidence.taken and process.parent in self.relieved

    def is_child(self, pid: int, parent: int) -> bool:
        process = self.processes.get(pid)
        return process is not None and process.parent == parent

    @cached_property
    def living(self) -> frozenset[int]:
        """Processes that were still there at the last look."""
        return frozenset(look.process.pid for look in self.evidence.looks if look.at == self.span)

    def living_children(self, pid: int) -> tuple[int, ...]:
        """Its children that were still there at the last look, and had not ended."""
        return tuple(one for one in sorted(self.living) if self.is_child(one, pid) and not self.processes[one].ended)

    @cached_property
    def span(self) -> float:
        """Seconds from the first to the last look."""
        return max((look.at for look in self.evidence.looks), default=0.0)

    @property
    def limit(self) -> float:
        """Seconds that a good answer may take."""
        return self.evidence.configured.limit

    @cached_property
    def rss(self) -> int:
        """Bytes of the whole server, at the last look."""
        return self.evidence.memory[-1].rss if self.evidence.memory else 0

    @cached_property
    def grown(self) -> int | None:
        """Bytes by which the processes grew that were there from the first look to the last. None where all were: then
        the sum of all tells the same, and was taken more often."""
        first: dict[int, int] = {}
        for look in self.evidence.looks:
            first.setdefault(look.process.pid, look.process.rss)
        began = {look.process.pid for look in self.evidence.looks if look.at == self.evidence.looks[0].at}
        stayed = began & self.living
        if stayed == self.processes.keys():
            return None
        return sum(self.processes[pid].rss - first[pid] for pid in stayed)

    def descriptor(self, pid: int, number: int) -> Descriptor | None:
        return self._descriptors.get((pid, number))

    @cached_property
    def _connections(self) -> dict[int, Connection]:
        return {one.inode: one for one in self.evidence.connections if one.inode}

    def connection(self, inode: int | None) -> Connection | None:
        return self._connections.get(inode or 0)

    @cached_property
    def _listening(self) -> frozenset[int]:
        return frozenset(listener.inode for _, listener in self.evidence.listeners if listener.inode)

    def is_listening(self, inode: int | None) -> bool:
        """Whether that socket takes new connections: who waits for it waits for nobody."""
        return inode in self._listening

    @cached_property
    def upstreams(self) -> tuple[Connection, ...]:
        """Connections that the server itself has opened, or tries to."""
        return tuple(one for one in self.evidence.connections if not one.served and one.pid is not None)

    @cached_property
    def clients(self) -> tuple[Connection, ...]:
        """Connections to the server's ports; those that wait in its queue belong to no process."""
        return tuple(one for one in self.evidence.connections if one.served)

    @cached_property
    def unread_for(self) -> float:
        """Seconds for which the oldest request has lain in a socket of the server that nobody reads."""
        ages = [one.received_ago for one in self.clients if one.unread > 1 and one.received_ago is not None]
        return max(ages, default=0.0)

    @cached_property
    def tasks(self) -> tuple[TaskLook, ...]:
        """The last reading of each interpreter's memory."""
        return tuple({look.pid: look for look in self.evidence.tasks}.values())

    @cached_property
    def _files(self) -> dict[str, SourceFile]:
        return {source.path: source for source in self.evidence.sources}

    @cached_property
    def own_sources(self) -> tuple[SourceFile, ...]:
        """Those of the application."""
        return tuple(one for one in self.evidence.sources if is_application(Frame("", one.path, 0)))

    def file(self, path: str) -> SourceFile | None:
        return self._files.get(path)

    def source(self, frame: Frame) -> str:
        return (self.evidence.source(frame.file, frame.line) or "").strip()

    def is_coroutine(self, frame: Frame) -> bool:
        source = self.file(frame.file) if is_application(frame) else None
        return source is not None and isinstance(shape.function_at(source, frame.line), ast.AsyncFunctionDef)

    def function_start(self, frame: Frame) -> int:
        """The first line of the function that the frame is in; 1 where the source does not tell."""
        source = self.file(frame.file)
        node = shape.function_at(source, frame.line) if source else None
        return getattr(node, "lineno", 1)

    def named_function(self, frame: Frame) -> str:
        """A comprehension is a part of the function that it stands in."""
        if not function(frame).startswith("<") or function(frame) in ("<module>", "<lambda>"):
            return frame.function
        source = self.file(frame.file)
        node = shape.function_at(source, frame.line) if source else None
        return getattr(node, "name", frame.function)
