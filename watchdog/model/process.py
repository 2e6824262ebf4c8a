"""Processes as they were at one moment, and the tree that is one server."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Any, Literal

from watchdog.model.records import record
from watchdog.text.redact import redact_data
from watchdog.text.shown import shown
from watchdog.text.units import iso

Role = Literal["main", "master", "worker", "child", "orphan"]
Verdict = Literal["healthy", "slow", "hung", "down", "unknown"]

_IDENTITY = re.compile(r"([0-9a-f-]{1,64}):([1-9][0-9]{0,9}):([0-9]{1,20})", re.ASCII)


@record(frozen=True)
class Identity:
    """Which process is meant, for good: a pid alone is used again, this never is."""

    boot: str  # id of this boot of the machine
    pid: int
    ticks: int  # start time in clock ticks after boot (field 22 of the kernel's stat record)

    def __str__(self) -> str:
        return f"{self.boot}:{self.pid}:{self.ticks}"

    @classmethod
    def parse(cls, text: str) -> Identity:
        """ValueError if the text was not written by `str`."""
        found = _IDENTITY.fullmatch(text)
        if not found:
            raise ValueError(f"{text[:80]!r} is not a process identity")
        return cls(found[1], int(found[2]), int(found[3]))


@record(frozen=True)
class Process:
    """What the kernel said of one process at one moment. None: it could not be read."""

    identity: Identity
    parent: int
    name: str  # the kernel's short name; anybody can forge it
    state: str  # R run, S sleep, D uninterruptible, T stopped, t traced, Z zombie, X dead, I idle kernel thread
    session: int
    group: int  # process group
    terminal: int  # 0: none
    uid: int
    user: str
    started: float  # seconds since the epoch
    threads: int
    rss: int  # bytes
    cpu_seconds: float  # user and system time used so far
    kernel: bool  # a kernel thread
    forked: bool = False  # it has started no program since it was forked: it goes on in its parent's
    cmdline: tuple[str, ...] | None = None  # as the system shows it; the process can overwrite it with a title
    original: tuple[str, ...] | None = None  # what it was started with, where it has overwritten its command line
    exe: str | None = None
    embeds_python: bool = False  # a program of another name that has loaded Python's library: a frozen one
    cwd: str | None = None
    cgroup: str | None = None
    pid_namespace: int | None = None
    tracer: int = 0  # pid of a debugger, 0: none
    ignored: frozenset[int] = frozenset()  # signal numbers
    blocked: frozenset[int] = frozenset()
    caught: frozenset[int] = frozenset()

    @property
    def pid(self) -> int:
        return self.identity.pid

    @property
    def ended(self) -> bool:
        """Only its entry in the process table is left (a zombie)."""
        return self.state in "ZX"

    @property
    def words(self) -> tuple[str, ...]:
        """What it was started with, as far as that is known: the original command line, else the shown one."""
        return self.original or self.cmdline or ()

    @property
    def command(self) -> str:
        """The command line as one line, or the short name in brackets."""
        return " ".join(self.cmdline) if self.cmdline else f"[{self.name}]"

    def shown(self, limit: int = 120) -> str:
        """The command for a person: one line without secrets, which are taken out before it is cut."""
        return shown(" ".join(redact_data(self.cmdline)) if self.cmdline else f"[{self.name}]", limit)


@record(frozen=True)
class Listener:
    """One listening TCP socket and every process that holds it."""

    port: int
    address: str
    inode: int
    holders: tuple[int, ...]  # pids; several processes may share one socket
    queue: int  # connections accepted by the kernel, not yet by the program
    backlog: int | None  # how many the queue takes
    uid: int = 0


@record(frozen=True)
class Manager:
    """Who starts this server again when it dies."""

    kind: str  # systemd, supervisor, docker, runit, s6, cron …
    name: str  # the unit, program or container; empty where only the manager itself can tell it
    process: Process | None = field(default=None, compare=False)  # the very manager above the server, where it is seen
    child: int = field(default=0, compare=False)  # the child of that process from which the server comes

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}" if self.name else self.kind


@record(frozen=True)
class Member:
    """A process of a tree and its part in it."""

    process: Process
    role: Role
    ports: tuple[int, ...] = ()


@record(frozen=True)
class LeftOut:
    """A process that is near a server and is not part of it."""

    pid: int
    command: str
    reason: str

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.command}) {self.reason}"


@record(frozen=True)
class Tree:
    """One server: the target of a command. The first member is the root (or the oldest orphan)."""

    members: tuple[Member, ...]
    listeners: tuple[Listener, ...] = ()
    service: str | None = None
    manager: Manager | None = None
    framework: str | None = None
    left_out: tuple[LeftOut, ...] = ()

    @property
    def root(self) -> Process:
        return self.members[0].process

    @property
    def ports(self) -> tuple[int, ...]:
        return tuple(sorted({listener.port for listener in self.listeners}))

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(member.process.pid for member in self.members)


def target_record(
    member: Member, tree: Tree, verdict: Verdict = "unknown", cpu_percent: float = 0.0, managed_by: str | None = None
) -> dict[str, Any]:
    """A target as the contract writes it: one JSON object."""
    process = member.process
    return {
        "pid": process.pid,
        "started": iso(process.started),
        "identity": str(process.identity),
        "name": process.name,
        "cmdline": list(process.cmdline) if process.cmdline is not None else None,
        "exe": process.exe,
        "cwd": process.cwd,
        "user": process.user,
        "parent": process.parent,
        "role": member.role,
        "ports": list(member.ports),
        "service": tree.service,
        "managed_by": managed_by or (str(tree.manager) if tree.manager else None),
        "cpu_percent": round(cpu_percent, 1),
        "rss": process.rss,
        "threads": process.threads,
        "verdict": verdict,
        "framework": tree.framework,
        "accept_queue": max((entry.queue for entry in tree.listeners), default=0),
        "state": process.state,
    }
