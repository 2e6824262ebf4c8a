"""Evidence as it would be gathered, made by hand: every cause has a server here that shows it.

Times are seconds since the first look. A frame is written "function file:line", innermost first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from watchdog.model.evidence import (
    Answer,
    Configured,
    Evidence,
    Frame,
    LockLook,
    LockPoint,
    LogTail,
    MemoryPoint,
    ProcessLook,
    SourceFile,
    StackLook,
    SystemCall,
    Task,
    TaskLook,
    ThreadLook,
    ThreadStack,
)
from watchdog.model.open_files import Connection, Descriptor
from watchdog.model.process import Identity, Listener, Member, Process, Role, Tree

LIB = "/usr/lib/python3.11"
SITE = "/srv/venv/lib/python3.11/site-packages"
APP = "/srv/shop/server.py"
TIMES = (0.0, 0.3, 0.7, 1.2, 1.8)
PID = 100

# The outer calls of the usual kinds of threads, innermost first.
SERVES = (
    f"serve_forever {LIB}/socketserver.py:233",
    f"run_simple {SITE}/werkzeug/serving.py:1129",
    f"<module> {APP}:90",
)
AT_REST = (f"select {LIB}/selectors.py:415", *SERVES)
STARTED = (
    f"run {LIB}/threading.py:982",
    f"_bootstrap_inner {LIB}/threading.py:1045",
    f"_bootstrap {LIB}/threading.py:1002",
)
REQUEST = (
    f"dispatch_request {SITE}/flask/app.py:902",
    f"run_wsgi {SITE}/werkzeug/serving.py:374",
    f"process_request_thread {LIB}/socketserver.py:691",
    *STARTED,
)
LOOP = (
    f"_run_once {LIB}/asyncio/base_events.py:1922",
    f"run_forever {LIB}/asyncio/base_events.py:607",
    f"run {LIB}/asyncio/runners.py:118",
    f"run {SITE}/uvicorn/main.py:632",
    f"<module> {APP}:90",
)
LOOP_AT_REST = (f"select {LIB}/selectors.py:468", *LOOP)
IN_LOOP = (f"app {SITE}/fastapi/routing.py:381", f"_run {LIB}/asyncio/events.py:80", *LOOP)
POOLED = (f"run {SITE}/anyio/_backends/_asyncio.py:986", *STARTED[1:])


def frame(text: str) -> Frame:
    function, _, place = text.partition(" ")
    file, _, line = place.rpartition(":")
    return Frame(function, file, int(line))


@dataclass(frozen=True)
class Thread:
    """One thread over all looks. `calls` is one stack, or one for each look."""

    name: str
    calls: Sequence[str] | Sequence[Sequence[str]]
    state: str = "S"
    call: str = ""
    descriptor: int | None = None
    asleep: float | None = 30.0
    moves: bool = False
    pid: int = PID
    tid: int = 0
    gil: bool = False
    age: float | None = 60.0
    sleep_left: float | None = None

    def stack(self, look: int) -> tuple[Frame, ...]:
        one = self.calls if not self.calls or isinstance(self.calls[0], str) else self.calls[look % len(self.calls)]
        return tuple(frame(text) for text in one if isinstance(text, str))


def process(
    pid: int = PID,
    parent: int = 50,
    cmdline: Sequence[str] = ("python", "server.py"),
    state: str = "S",
    session: int | None = None,
    started: float = 1000.0,
    threads: int = 1,
    rss: int = 40 << 20,
    forked: bool = False,
) -> Process:
    return Process(
        identity=Identity("boot", pid, 5 + pid),
        parent=parent,
        name="python",
        state=state,
        session=session or pid,
        group=pid,
        terminal=0,
        uid=0,
        user="shop",
        started=started,
        threads=threads,
        rss=rss,
        cpu_seconds=1.0,
        kernel=False,
        forked=forked,
        cmdline=tuple(cmdline),
        exe="/usr/bin/python3.11",
        cwd="/srv/shop",
    )


def evidence(
    *threads: Thread,
    processes: Sequence[Process] = (),
    health: str = "hung",
    source: str = "",
    log: str = "",
    memory: Sequence[int] = (),
    descriptors: Sequence[Descriptor] = (),
    connections: Sequence[Connection] = (),
    held: Sequence[LockPoint] = (),
    wanted: Sequence[LockPoint] = (),
    tasks: Sequence[Task] = (),
    queue: int = 0,
    backlog: int = 128,
    open_files: int = 10,
    configured: Configured | None = None,
    role: Role = "main",
) -> Evidence:
    """A server of these threads, asked for its health all the time: hung, well, slow, refused, none."""
    known = list(processes) or [process()]
    numbered = [
        replace(one, tid=one.tid or (one.pid if place == 0 else one.pid * 10 + place))
        for place, one in enumerate(threads)
    ]
    python = tuple(sorted({one.pid for one in threads}))
    points = list(memory) or [40 << 20] * len(TIMES)
    every = TIMES if len(points) == len(TIMES) else tuple(place * 0.7 for place in range(len(points)))
    tree = Tree(tuple(Member(one, role) for one in known), framework="flask") if known else None
    listener = Listener(8000, "127.0.0.1", 77, tuple(one.pid for one in known[:1]), queue, backlog)
    return Evidence(
        tree=tree,
        configured=configured or Configured(port=8000, url="http://127.0.0.1:8000/health"),
        taken=5000.0,
        seconds=every[-1],
        looks=tuple(
            ProcessLook(at, one, tuple(_look(t, place) for t in numbered if t.pid == one.pid), open_files, 1024)
            for place, at in enumerate(TIMES)
            for one in known
        ),
        stacks=tuple(
            StackLook(pid, at, tuple(_stack(t, place) for t in numbered if t.pid == pid))
            for place, at in enumerate(TIMES)
            for pid in python
        ),
        tasks=(TaskLook(PID, 0.5, "3.11", tuple(tasks)),) if tasks else (),
        locks=(LockLook(tuple(held), tuple(wanted)),) if held or wanted else (),
        descriptors=tuple(descriptors),
        connections=tuple(connections),
        listeners=tuple((at, listener) for at in TIMES) if known else (),
        memory=tuple(MemoryPoint(at, rss, len(numbered)) for at, rss in zip(every, points, strict=True)),
        answers=answers(health),
        logs=(LogTail("/srv/shop/server.log", log, len(log)),) if log else (),
        sources=(source_file(source),) if source else (),
        python=python,
    )


def answers(health: str) -> tuple[Answer, ...]:
    url = "http://127.0.0.1:8000/health"
    return {
        "hung": (Answer(0.1, url, "timeout", 5.5),),
        "pending": (Answer(0.1, url, "pending", 1.7),),
        "well": tuple(Answer(at, url, "ok", 0.01, 200) for at in (0.1, 0.5, 1.0, 1.5)),
        "slow": tuple(Answer(at, url, "slow", 3.1, 200) for at in (0.1, 3.4)),
        "rising": tuple(Answer(at, url, "slow", seconds, 200) for at, seconds in ((0.1, 1.6), (2.0, 2.2), (4.5, 3.0))),
        "refused": tuple(Answer(at, url, "refused", 0.0) for at in (0.1, 0.5, 1.0)),
        "none": (),
    }[health]


def source_file(text: str, path: str = APP) -> SourceFile:
    """The text's first line is line 1."""
    return SourceFile(path, tuple(enumerate(text.splitlines(), 1)))


def _stack(thread: Thread, look: int) -> ThreadStack:
    active = thread.state == "R"
    return ThreadStack(thread.pid, thread.tid, thread.tid, thread.name, thread.stack(look), active, thread.gil)


def _look(thread: Thread, look: int) -> ThreadLook:
    moved = look if thread.moves or thread.state == "R" else 0
    number = SystemCall(0, thread.call, (thread.descriptor or 0,), thread.descriptor) if thread.call else None
    asleep = (
        None if thread.state == "R" or thread.asleep is None else 0.1 if thread.moves else thread.asleep + TIMES[look]
    )
    return ThreadLook(
        thread.pid, thread.tid, thread.name, thread.state, 1.0 + moved, None, number, 10 + moved, asleep, thread.age,
        sleep_left=thread.sleep_left,
    )  # fmt: skip


def point(
    thread: str, lock: str, where: str, *, task: str | None = None, kind: str = "Lock", tid: int = 0
) -> LockPoint:
    return LockPoint(PID, tid or None, thread, lock, lock, kind, frame(where), task, locked=True)


def upstream(
    remote: str = "10.0.0.5:5432", inode: int = 501, state: str = "ESTABLISHED", unread: int = 0
) -> Connection:
    return Connection(PID, "10.0.0.1:40000", remote, state, unread, 0, inode)


def socket_descriptor(number: int = 7, inode: int = 501) -> Descriptor:
    return Descriptor(PID, number, "socket", f"socket:[{inode}]", inode, True)


def pipe(pid: int, number: int, inode: int, *others: int, writable: bool = False) -> Descriptor:
    return Descriptor(pid, number, "pipe", f"pipe:[{inode}]", inode, writable, other_ends=others)
