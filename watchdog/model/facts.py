"""What some systems tell of a process and of its machine, and others do not."""

from __future__ import annotations

from typing import NamedTuple

from watchdog.model.records import record


@record(frozen=True)
class Facts:
    """What the kernel keeps of a process beside its threads; None: not told."""

    peak_rss: int | None = None  # bytes
    swap: int | None = None  # bytes
    pending: tuple[int, ...] = ()  # signals sent to the process or a thread of it, not yet taken


@record(frozen=True)
class FileLock:
    """One lock on a file, held or waited for."""

    inode: int
    pid: int  # -1 for a lock that belongs to an open file, not to a process
    kind: str  # POSIX, FLOCK, OFDLCK
    exclusive: bool
    start: int  # first locked byte
    waiting: bool


@record(frozen=True)
class OomKill:
    """One process that the kernel ended. `when` is in seconds since the epoch, good to about a second."""

    when: float
    pid: int
    name: str
    rss: int | None
    text: str


@record(frozen=True)
class Crash:
    """A program that crashed or hung, as the system's log of events has it."""

    when: float  # seconds since the epoch
    pid: int | None
    code: int | None
    text: str


@record(frozen=True)
class GroupMemory:
    """Memory of a control group in bytes. `used` leaves out the file cache that the kernel can drop at once."""

    limit: int | None = None
    used: int | None = None
    oom_kills: int | None = None


class UnixSocket(NamedTuple):
    """One end of a local socket."""

    name: str  # the path, "@name" for an abstract one, or empty
    peer: int  # inode of the other end, 0: none
    unread: int | None
