"""What a process has open: files, pipes, sockets with their connections, and the locks on its files."""

from __future__ import annotations

from watchdog.model.records import record


@record(frozen=True)
class Descriptor:
    """One open file, pipe or socket of a process."""

    pid: int
    number: int
    kind: str  # file, socket, pipe, fifo, device, directory, eventpoll, eventfd, other
    target: str  # path, or "pipe:[123]", "socket:[456]"
    inode: int | None = None
    writable: bool | None = None
    peer: str | None = None  # of a socket: "10.0.0.5:5432"
    unread: int | None = None  # of a pipe: bytes in it
    capacity: int | None = None  # of a pipe: bytes it takes
    other_ends: tuple[int, ...] = ()  # of a pipe: pids that hold the opposite end


@record(frozen=True)
class Connection:
    """A TCP connection, or an attempt at one, that touches a process of the tree or its ports."""

    pid: int | None  # None: in the queue, or the kernel's alone
    local: str
    remote: str
    state: str  # ESTABLISHED, SYN_SENT, CLOSE_WAIT …
    unread: int  # bytes received and not read by the program
    unsent: int
    inode: int = 0
    served: bool = False  # a client's connection to a port of the server; False: the server is the client
    received_ago: float | None = None  # seconds since data last came in; None: never, or not known
    sent_ago: float | None = None  # seconds since data last went out
    received: int | None = None  # bytes that came in so far
    sent: int | None = None  # bytes that went out and were acknowledged so far

    @property
    def is_in_queue(self) -> bool:
        """Whether it waits for the server to accept it."""
        return self.served and self.pid is None and not self.inode and self.state in ("ESTABLISHED", "CLOSE_WAIT")


@record(frozen=True)
class FileLock:
    """A lock on a file that the server has open, as the kernel lists it."""

    path: str
    pid: int  # who holds it, or waits for it; -1: not told
    owner: str  # command of that process
    kind: str  # POSIX, FLOCK, OFDLCK
    exclusive: bool
    start: int  # first locked byte: SQLite's locks lie at known ones
    waiting: bool = False
