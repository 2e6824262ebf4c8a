"""What was seen of a hung server: records only, so that `diagnosis/` can be pure and its tests can use canned evidence.

Times named `at` are seconds on the monotonic clock since the first look of the same `Evidence`; addresses are those of
the target's memory. A field that could not be had is None, and a `Gap` says why.
"""

from __future__ import annotations

from typing import Literal

from watchdog.model.call_state import CallState
from watchdog.model.open_files import Connection, Descriptor, FileLock
from watchdog.model.process import Listener, Process, Tree
from watchdog.model.records import record


@record(frozen=True)
class Gap:
    """Something that could not be collected."""

    collector: str
    reason: str
    remedy: str = ""  # the command or right that would get it


@record(frozen=True)
class Local:
    """A local variable as the stack dump shows it."""

    name: str
    address: int
    text: str | None = None  # the repr, shortened; redacted before it is written anywhere
    argument: bool = False


@record(frozen=True)
class Frame:
    """One call. `function` is qualified where the interpreter tells."""

    function: str
    file: str
    line: int
    locals: tuple[Local, ...] = ()


@record(frozen=True)
class ThreadStack:
    """One thread's calls, innermost first."""

    pid: int
    tid: int | None  # the kernel's thread id
    ident: int | None  # the interpreter's thread ident (pthread)
    name: str
    frames: tuple[Frame, ...]
    active: bool | None = False  # on a CPU or ready for one; None: not told
    holds_gil: bool = False


# Why a process gave no stacks. "moved": its threads ran on while they were read, another look may succeed.
Problem = Literal["", "no-reader", "late", "gone", "no-right", "reader-too-old", "no-python", "moved"]


@record(frozen=True)
class StackLook:
    """One dump of one process."""

    pid: int
    at: float
    threads: tuple[ThreadStack, ...] = ()
    error: str | None = None
    problem: Problem = ""  # the same as `error`, for programs
    seconds: float = 0.0


@record(frozen=True)
class SystemCall:
    """The system call a thread is blocked in."""

    number: int
    name: str  # "recvfrom", "futex", "read", … or "call 123"
    arguments: tuple[int, ...]
    descriptor: int | None = None  # where the first argument is one


@record(frozen=True)
class ThreadLook:
    """What the kernel says of one thread at one moment."""

    pid: int
    tid: int
    name: str
    state: str
    cpu_seconds: float
    wait_channel: str | None = None
    call: SystemCall | None = None
    switches: int | None = None  # voluntary + involuntary context switches so far
    asleep: float | None = None  # seconds since it last ran, where the kernel tells
    age: float | None = None  # seconds since the thread began
    sleep_left: float | None = None  # seconds until its sleep ends by itself
    first: bool = False  # the process began with it; Linux tells that by its number, which is the process's


@record(frozen=True)
class ProcessLook:
    """One process and its threads at one moment."""

    at: float
    process: Process
    threads: tuple[ThreadLook, ...] = ()
    descriptors: int | None = None  # how many are open
    descriptor_limit: int | None = None
    peak_rss: int | None = None  # bytes, since it began
    memory_limit: int | None = None  # bytes that it may map, where that is bounded
    transferred: int | None = None  # bytes that it has read and written so far, by system calls on files and pipes


OWN_LOCK = "own lock"  # kind of a lock of the application's own making, which several may have at once


@record(frozen=True)
class LockPoint:
    """A place in a thread where a lock is held, or wanted."""

    pid: int
    tid: int | None
    thread: str
    lock: str  # the same text means the same lock: an address, or (root address, attribute path)
    expression: str  # as the source has it: "cash_lock", "self.lock"
    kind: str  # Lock, RLock, Condition, Semaphore, Event, Queue, Future, Thread, module, asyncio.Lock …, unknown
    frame: Frame
    task: str | None = None  # for asyncio: the task's name
    locked: bool | None = None  # what the lock's own memory says
    owner: int | None = None  # ident of the owning thread, where the lock keeps it (RLock, import locks)
    shared: bool = False  # between processes: `lock` is the same text in each of them
    section: bool = False  # wanted for a `with` block, which gives it back


@record(frozen=True)
class LockLook:
    """Who holds and who waits for which lock."""

    held: tuple[LockPoint, ...] = ()
    wanted: tuple[LockPoint, ...] = ()


@record(frozen=True)
class Task:
    """One asyncio task that is not done, or a greenlet that is suspended, read from memory."""

    pid: int
    address: int
    name: str
    frames: tuple[Frame, ...]  # outermost coroutine first, the line where each is suspended
    waits_for: str = ""  # type name of what ends the chain: "_asyncio.Future", "_GatheringFuture" …
    waits_for_task: int | None = None  # address of a listed task
    running: bool = False
    ready: bool = False  # nothing holds it back but the loop, which has not got round to it
    gathered: tuple[
        int, ...
    ] = ()  # addresses of the listed tasks that it gathers; of a greenlet, those in its variables
    request: str = ""  # what it was asked, where its variables show that: "GET /api/users?page=2"
    body_is_in: bool = False  # the server has the whole body of that request
    reads_pipe: bool = False  # it waits for the next bytes of a pipe, as of a child
    greenlet: bool = False  # of gevent or eventlet; its frames are plain calls
    alone: bool = False  # nobody else has what it waits for, by the count of references to it
    alike: int = 1  # tasks for which it stands, itself included: the others are at the same place and not listed


@record(frozen=True)
class Container:
    """Something large that the application's own variables keep."""

    path: str  # how it is reached: "server.REPLAY", "server.app.state.cache", "rows in build_export"
    name: str  # the last name of that: "REPLAY", "cache", "rows"
    file: str  # source of the module or function where the path begins
    kind: str  # type: list, dict, bytes …
    length: int  # entries; bytes of a text
    size: int  # bytes of it and of what it holds itself, estimated
    address: int = 0


@record(frozen=True)
class Lent:
    """Connections and the like that a pool has lent, and a variable of the application keeps."""

    path: str  # how the first of them is reached: "shop.Checkout()._baskets[…].session"
    name: str  # of the container, or the attribute, that keeps them: "_baskets"
    file: str  # source of the module or class where the path begins
    kind: str  # type: "sqlalchemy.orm.session.Session"
    count: int


@record(frozen=True)
class LostThread:
    """A thread that was started before its process was forked, and lives in the parent only."""

    name: str
    ident: int  # the same in the parent
    target: Frame  # the function that it runs, where that begins
    certain: bool = True  # it never came to its end; else only a living twin in the parent tells


@record(frozen=True)
class FailedTask:
    """An asyncio task that ended with an exception and is still referred to."""

    pid: int
    error: str  # type of the exception, with its module
    frames: tuple[Frame, ...]  # where it came through, innermost first


@record(frozen=True)
class TaskLook:
    """One walk through an interpreter's memory."""

    pid: int
    at: float
    version: str  # "3.11"
    tasks: tuple[Task, ...] = ()
    counts: tuple[tuple[str, int], ...] = ()  # objects the collector tracks, by type, most first
    queues: tuple[tuple[str, int], ...] = ()  # queue objects with their lengths
    broken_lists: int = 0
    error: str | None = None
    remedy: str = ""  # the right or command that would cure the error
    cut: bool = False  # the time was over before every object was seen
    collecting: bool = False  # the garbage collector was at work
    locks: LockLook = LockLook()  # of threads and tasks, as the memory has them
    lost: tuple[LostThread, ...] = ()  # of a forked process
    taken: tuple[str, ...] = ()  # locks shared between processes that this one took and has not given back
    requests: tuple[tuple[int, str], ...] = ()  # (thread id, what it was asked)
    containers: tuple[Container, ...] = ()  # of the application, largest first
    lent: tuple[Lent, ...] = ()  # most first
    alone: tuple[int, ...] = ()  # threads that wait for what nobody else has, by the count of references to it
    failed: tuple[FailedTask, ...] = ()
    born: Frame | None = None  # of a forked process: the call that forked it; what stands outside is its parent's
    threads: tuple[ThreadStack, ...] = ()  # of a process with very many of them
    unread: bool = False  # there are more threads or tasks than the time allowed to read
    states: tuple[CallState, ...] = ()  # of calls that run, several times in a row
    strange: int = 0  # greenlets that keep their calls in a way that is not known
    seconds: float = 0.0


@record(frozen=True)
class SourceFile:
    """The lines around what was seen in a source file, as it is on disk now."""

    path: str
    lines: tuple[tuple[int, str], ...]  # (number, text)
    changed_since_start: bool = False  # newer than the process: line numbers may not fit

    def __hash__(self) -> int:
        """Cheap, because what is known of a source is looked up by it thousands of times."""
        return hash((self.path, len(self.lines)))

    def line(self, number: int) -> str | None:
        return next((text for there, text in self.lines if there == number), None)


@record(frozen=True)
class Installed:
    """A folder beside the application that packages were installed into, as `pip install --target` does."""

    folder: str
    names: frozenset[str]  # top-level packages and modules


@record(frozen=True)
class LogTail:
    """The last part of one log."""

    path: str
    text: str
    size: int = 0
    modified: float | None = None  # seconds since the epoch
    error: str | None = None
    grown: int = 0  # bytes that came in while the server was looked at: the end of `text`


@record(frozen=True)
class Exit:
    """The end of a process that was seen, recorded by the shim, or told by a log or the kernel."""

    when: float | None  # seconds since the epoch
    pid: int | None
    code: int | None = None
    signal: int | None = None
    lifetime: float | None = None
    peak_rss: int | None = None
    last_lines: tuple[str, ...] = ()
    source: str = ""  # shim, watched, log, kernel, cgroup, event log
    limit: str = ""  # at which it ended: a key of the playbook's `start.limits`
    by_wd: bool = False  # a run of wd ended it, so it is not a crash


@record(frozen=True)
class MemoryPoint:
    """Memory of the whole tree at one moment."""

    at: float
    rss: int
    threads: int = 0
    descriptors: int | None = None


@record(frozen=True)
class Answer:
    """One question to the server and what came back."""

    at: float
    url: str
    verdict: str  # ok, slow, late, failed, timeout, refused, reset, pending, unknown, local (a trouble of our own)
    seconds: float
    status: int | None = None
    detail: str = ""


@record(frozen=True)
class PeerLook:
    """Whether something that the server waits for can be reached."""

    address: str  # "10.0.0.5:5432"
    state: str  # connects, refuses, silent, unknown; answers, mute where it was asked in its own protocol
    owner: str | None = None  # command of the process that listens there, if on this machine
    stopped: int | None = None  # pid of that process, where it is stopped
    named: bool = False  # the server's arguments, variables or log name it as its message broker
    detail: str = ""


@record(frozen=True)
class DiskLook:
    """One file system that the server uses."""

    path: str
    mount: str
    free: int
    total: int
    free_inodes: int | None = None
    read_only: bool = False  # an image is always full, and nobody misses the space
    named: bool = False  # the server's folder, arguments or variables name a path on it


@record(frozen=True)
class MachineLook:
    """The machine at that moment."""

    at: float
    cpus: int
    load: tuple[float, float, float] | None
    memory_total: int
    memory_available: int
    memory_limit: int | None  # of the server's cgroup
    memory_limit_used: int | None
    swap_total: int
    swap_used: int
    pressure: tuple[tuple[str, float], ...] = ()  # ("memory.full.avg10", 1.5) …, percent
    oom_kills: int | None = None  # of the server's cgroup, or of the machine
    top_memory: tuple[Process, ...] = ()
    top_cpu: tuple[Process, ...] = ()
    disks: tuple[DiskLook, ...] = ()


@record(frozen=True)
class BridgeLook:
    """What `wd sidecar` knows of the server that it passes messages to."""

    pid: int  # of the bridge
    host: int  # the program that asks
    request: str = ""  # the method of the request that waits for its answer
    waited: float = 0.0  # seconds
    both_full: bool = False  # the queues of both directions are full, and nothing moves


@record(frozen=True)
class OtherChoice:
    """A launcher that was told to run one program, and runs another one."""

    launcher: int  # pid
    pid: int  # of what it runs
    runs: str  # "catalogue_v1.py"
    told: str  # "server.py"
    told_by: str  # "launch.ini", "the variable APP", "its command line"
    in_its_code: bool = False  # the launcher's own source names what runs: a fallback on purpose, perhaps


@record(frozen=True)
class Configured:
    """What the playbook says about the server, as far as a diagnosis needs it."""

    service: str | None = None
    cmdline: tuple[str, ...] = ()
    regex: bool = False
    find_user: str | None = None  # whose process it must be
    find_cwd: str | None = None  # the folder in which it must work
    start_command: tuple[str, ...] = ()
    port: int | None = None
    url: str | None = None
    limit: float = 5.0  # seconds a good answer may take
    ready_within: float = 60.0
    memory_limit: int | None = None
    user: str | None = None  # as whom it would be started; None: not known
    bridge: BridgeLook | None = None  # where its requests come over standard input


@record(frozen=True)
class Evidence:
    """All that a diagnosis may look at. Series are in the order of time."""

    tree: Tree | None  # None: nothing runs
    configured: Configured = Configured()
    taken: float = 0.0  # seconds since the epoch, of the first look
    seconds: float = 0.0  # how long the looking took
    looks: tuple[ProcessLook, ...] = ()
    stacks: tuple[StackLook, ...] = ()
    tasks: tuple[TaskLook, ...] = ()
    locks: tuple[LockLook, ...] = ()
    descriptors: tuple[Descriptor, ...] = ()
    connections: tuple[Connection, ...] = ()
    file_locks: tuple[FileLock, ...] = ()
    listeners: tuple[tuple[float, Listener], ...] = ()
    strangers: tuple[Process, ...] = ()  # holders of the port that are not the configured program
    choices: tuple[OtherChoice, ...] = ()
    zombies: tuple[Process, ...] = ()  # children of the tree that ended and were not reaped
    memory: tuple[MemoryPoint, ...] = ()
    answers: tuple[Answer, ...] = ()
    protocol: str = ""  # what its port speaks, where that is not HTTP: it was not asked
    peers: tuple[PeerLook, ...] = ()
    machine: MachineLook | None = None
    logs: tuple[LogTail, ...] = ()
    exits: tuple[Exit, ...] = ()
    sources: tuple[SourceFile, ...] = ()
    installed: tuple[Installed, ...] = ()
    python: tuple[int, ...] = ()  # pids of the tree that run a Python interpreter
    pending: tuple[tuple[int, int], ...] = ()  # (pid, signal) sent and not yet taken
    requests: tuple[str, ...] = ()  # what was asked of it when it hung, where that is known
    noted: tuple[str, ...] = ()  # requests that run, as the server's own request guard notes them; the oldest first
    gaps: tuple[Gap, ...] = ()
    others: tuple[StackLook, ...] = ()  # of processes outside the server that hold what it waits for

    def source(self, file: str, line: int) -> str | None:
        found = next((source for source in self.sources if source.path == file), None)
        return found.line(line) if found else None
