"""What a thread waits for, told from its blocked system call, its calls and its source line together. Pure."""

from __future__ import annotations

import re

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import at_place, is_standard
from watchdog.diagnosis.indexed import Indexed
from watchdog.diagnosis.thread_facts import ThreadFacts
from watchdog.model.evidence import Frame
from watchdog.model.open_files import Connection, Descriptor
from watchdog.model.records import record


@record(frozen=True)
class Wait:
    """One thread's wait."""

    kind: (
        str  # running, sleep, lock, condition, event, queue, semaphore, future, join, import, socket, client, connect,
    )
    # names, send, pipe-read, pipe-write, fifo, child, file-lock, database, disk, select, poll, accept, unknown
    words: str  # for a person: "an answer of 10.0.0.5:5432"
    peer: str | None = None  # the address at the other end
    pids: tuple[int, ...] = ()  # processes at the other end
    descriptor: Descriptor | None = None


# Standard-library calls that wait, and for what. The outermost of them within the work in hand gives the name: a
# queue's get waits on a condition, but it is the queue that somebody has to fill.
_CALLS = (
    ("import", ("<frozen importlib._bootstrap>:acquire", "importlib/_bootstrap.py:acquire",
                "<frozen importlib._bootstrap>:_lock_unlock_module",
                "importlib/_bootstrap.py:_lock_unlock_module")),
    ("queue", ("queue.py:get", "queue.py:put", "queue.py:join", "multiprocessing/queues.py:get",
               "multiprocessing/queues.py:put", "multiprocessing/queues.py:join")),
    ("future", ("concurrent/futures/_base.py:result", "concurrent/futures/_base.py:exception",
                "concurrent/futures/_base.py:wait", "concurrent/futures/_base.py:as_completed",
                "concurrent/futures/_base.py:result_iterator", "concurrent/futures/_base.py:_result_or_cancel",
                "concurrent/futures/thread.py:shutdown", "concurrent/futures/_base.py:__exit__",
                "multiprocessing/pool.py:get", "multiprocessing/pool.py:wait", "multiprocessing/pool.py:join")),
    ("child", ("subprocess.py:wait", "subprocess.py:_wait", "subprocess.py:communicate", "subprocess.py:_communicate",
               "multiprocessing/process.py:join", "multiprocessing/popen_fork.py:wait",
               "multiprocessing/popen_fork.py:poll")),
    ("join", ("threading.py:join", "threading.py:_wait_for_tstate_lock", "threading.py:_shutdown")),
    ("semaphore", ("threading.py:acquire",)),
    ("event", ("threading.py:wait",)),
    ("names", ("socket.py:getaddrinfo",)),
    ("connect", ("socket.py:create_connection",)),
    ("database", ("sqlite3/:*",)),
)  # fmt: skip

_CHANNELS = {
    "hrtimer_nanosleep": "nanosleep",
    "futex_wait_queue": "futex",
    "futex_wait": "futex",
    "futex_wait_queue_me": "futex",
    "do_epoll_wait": "epoll_wait",
    "ep_poll": "epoll_wait",
    "poll_schedule_timeout": "poll",
    "inet_csk_accept": "accept",
    "sk_wait_data": "recvfrom",
    "wait_woken": "recvfrom",
    "unix_stream_read_generic": "recvfrom",
    "pipe_read": "read",
    "anon_pipe_read": "read",
    "pipe_write": "write",
    "anon_pipe_write": "write",
    "do_wait": "wait4",
    "locks_lock_inode_wait": "flock",
    "wait_for_partner": "open",
    "inet_stream_connect": "connect",
}

_UNTELLING = ("UserRequest", "Executive")  # wait channels of Windows that every wait has
# What native functions wait in, and places of the standard library that call one.
_BEHIND = {
    "sleep": "nanosleep",
    "accept": "accept",
    "connect": "connect",
    "recv": "recvfrom",
    "recv_into": "recvfrom",
    "recvfrom": "recvfrom",
    "send": "sendto",
    "sendall": "sendto",
    "select": "select",
    "acquire": "futex",
}
_LIBRARY_CALLS = {
    "recvfrom": ("socket.py:readinto", "ssl.py:read", "ssl.py:recv", "ssl.py:recv_into", "ssl.py:do_handshake"),
    "sendto": ("ssl.py:send", "ssl.py:sendall", "ssl.py:write"),
    "accept": ("socket.py:accept",),
    "epoll_wait": ("selectors.py:select", "selectors.py:_select", "asyncio/windows_events.py:_poll"),
}

_COMPILED_CLIENTS = ("grpc/_channel.py:*",)
_READS = {"read", "readv", "recvfrom", "recvmsg", "recvmmsg", "pread64"}
_WRITES = {"write", "writev", "sendto", "sendmsg", "sendfile"}
_SLEEPS = {"nanosleep", "clock_nanosleep"}
_POLLS = {"poll", "ppoll", "select", "pselect6"}
_SELECTS = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "io_uring_enter"}
SQL = re.compile(r"\.(execute|executemany|executescript|commit|rollback|backup|fetch\w*)\s*\(|\bsqlite3\b|^with\s+\w*"
                  r"(conn|db|con|database|cursor)\b", re.IGNORECASE)  # fmt: skip


DATABASES = (
    "django/db/backends/:*",
    "sqlalchemy/engine/:*",
    "sqlalchemy/dialects/:*",
    "aiosqlite/:*",
    "sqlite3/:*",
    "peewee.py:*",
    "pony/orm/:*",
    "tortoise/backends/:*",
    "databases/backends/:*",
    "sqlite_utils/:*",
    "apsw/:*",
)


def wait_of(thread: ThreadFacts) -> Wait:
    """The wait of the last look."""
    if thread.spins:
        return Wait("running", "runs")
    named = _named(thread)
    call = _call(thread)
    descriptor = thread.descriptor
    if named is not None and named.kind == "import":
        return named
    if call in _READS | _WRITES | {"connect"} and descriptor is not None:
        return _on_descriptor(thread, call, descriptor)
    if call in ("flock", "fcntl"):
        return Wait("file-lock", f"a lock on {descriptor.target if descriptor else 'a file'}", descriptor=descriptor)
    if call in {*_SELECTS, *_POLLS, "futex"} and _asks(thread):
        peer = _only_peer(thread)
        return Wait("socket", f"an answer of {peer or 'a peer'}", peer)
    if channel_of(thread) == "wait_for_partner":
        return Wait("fifo", "the other end of a named pipe to be opened")
    if call in ("wait4", "waitid"):
        return Wait("child", "a child process to end")
    if _database(thread):
        return Wait("database", "a database lock")
    if named is not None:
        return named
    if thread.state == "D" or call in ("fsync", "fdatasync", "sync_file_range"):
        return Wait("disk", f"the disk ({thread.looks[-1][1].wait_channel or call})")
    if call in _SLEEPS:
        return Wait("sleep", "a sleep to end")
    if call in ("accept", "accept4"):
        return Wait("accept", "a new connection")
    if call in _SELECTS:
        return Wait("select", "any of its sockets")
    if call in _POLLS:
        return _poll(thread, descriptor)
    if call == "futex":
        return Wait("queue", "a queue to be filled") if _takes(thread) else Wait("lock", "a lock")
    if call in _READS or call in _WRITES or call == "connect":
        return _without_descriptor(thread, call)
    return Wait("unknown", call or "something that the kernel does not tell")


def _asks(thread: ThreadFacts) -> bool:
    """Whether it is in a call of a client whose waits are not the interpreter's own."""
    frame = next((frame for frame in thread.work if not is_standard(frame)), None)
    return frame is not None and at_place(frame, _COMPILED_CLIENTS)


def channel_of(thread: ThreadFacts) -> str:
    """Where in the kernel it waits, as the kernel calls that place."""
    return (thread.looks[-1][1].wait_channel or "") if thread.looks else ""


def _takes(thread: ThreadFacts) -> bool:
    """Whether its innermost line calls a `get` that has no calls of its own to show, as that of a simple queue."""
    frame = next(iter(thread.frames), None)
    source = thread.view.file(frame.file) if frame is not None and not is_standard(frame) else None
    if frame is None or source is None or source.changed_since_start:
        return False
    return "get" in shape.calls_at(source, frame.line) and shape.acquires_nothing(source, frame.line)


def _call(thread: ThreadFacts) -> str:
    """Without the right to read system calls the kernel's wait channel still tells the kind. Where the system tells
    neither, the innermost line does: what it calls is what waits."""
    if thread.call is not None:
        return thread.call.name
    channel = channel_of(thread)
    told = next((name for prefix, name in _CHANNELS.items() if channel.startswith(prefix)), "")
    return told or (_called(thread) if (thread.looks and not channel) or channel in _UNTELLING else "")


def _called(thread: ThreadFacts) -> str:
    """The system call behind the innermost line; empty if it calls nothing that waits, or several such things."""
    if not thread.frames:
        return ""
    frame = thread.frames[0]
    if found := next((call for call, places in _LIBRARY_CALLS.items() if at_place(frame, places)), ""):
        return found
    source = thread.view.file(frame.file)
    names = shape.calls_at(source, frame.line) if source and not source.changed_since_start else ()
    calls = {_BEHIND[name] for name in names if name in _BEHIND}
    return calls.pop() if len(calls) == 1 else ""


def _named(thread: ThreadFacts) -> Wait | None:
    inner = _inside_own(thread.work)
    for kind, places in _CALLS:
        frame = next((frame for frame in reversed(inner) if at_place(frame, places)), None)
        if frame is None:
            continue
        words = {
            "import": "an import that another thread has begun",
            "queue": "a queue to be filled" if frame.function.endswith("get") else "a queue to be emptied",
            "future": "the result of work that it gave away",
            "child": "a child process to end",
            "join": "another thread to end",
            "semaphore": "a semaphore",
            "event": "an event or condition to be set",
            "names": "a name to be looked up",
            "connect": "a connection",
            "database": "a database lock",
        }[kind]
        return Wait(kind, words, peer=_connecting(thread) if kind == "connect" else None)
    return None


def _inside_own(work: tuple[Frame, ...]) -> tuple[Frame, ...]:
    """The standard library's frames inside the innermost frame that is none of its own."""
    for index, frame in enumerate(work):
        if not is_standard(frame):
            return work[:index]
    return work


def _on_descriptor(thread: ThreadFacts, call: str, descriptor: Descriptor) -> Wait:
    reads = call in _READS
    if descriptor.kind == "pipe" or (descriptor.kind == "unix" and not descriptor.peer):
        others = ", ".join(map(str, descriptor.other_ends))
        whom = f"process {others}" if others else "a pipe whose other end nobody holds"
        kind, words = ("pipe-read", f"data from {whom}") if reads else ("pipe-write", f"room in the pipe to {whom}")
        return Wait(kind, words, pids=descriptor.other_ends, descriptor=descriptor)
    if descriptor.kind == "unix":
        return Wait("socket", f"an answer of {descriptor.peer}", descriptor.peer, descriptor.other_ends, descriptor)
    if descriptor.kind == "socket" and thread.view.is_listening(descriptor.inode):
        return Wait("accept", "a new connection", descriptor=descriptor)
    if descriptor.kind == "socket":
        connection = thread.view.connection(descriptor.inode)
        return _on_connection(call, connection, descriptor)
    if descriptor.kind in ("file", "device") and not reads:
        return Wait("disk", f"{descriptor.target} to take what is written", descriptor=descriptor)
    return Wait("unknown", f"{call} on {descriptor.target}", descriptor=descriptor)


def _on_connection(call: str, connection: Connection | None, descriptor: Descriptor | None) -> Wait:
    peer = connection.remote if connection else (descriptor.peer if descriptor else None)
    if connection is not None and connection.served:
        return Wait(
            "client", f"its client {peer} to {'send' if call in _READS else 'read'}", peer, descriptor=descriptor
        )
    if call == "connect" or (connection is not None and connection.state == "SYN_SENT"):
        return Wait("connect", f"{peer or 'a peer'} to accept a connection", peer, descriptor=descriptor)
    if call in _WRITES:
        return Wait("send", f"{peer or 'a peer'} to read what was sent", peer, descriptor=descriptor)
    return Wait("socket", f"an answer of {peer or 'a peer'}", peer, descriptor=descriptor)


def _poll(thread: ThreadFacts, descriptor: Descriptor | None) -> Wait:
    """A socket with a time-out is polled first; which one is known where the poll's only descriptor could be read."""
    if descriptor is not None:
        return _on_descriptor(thread, "read", descriptor)
    if thread.app_frame is None:
        return Wait("select", "any of its sockets")
    return Wait("poll", "a socket or pipe", peer=_only_peer(thread))


def _without_descriptor(thread: ThreadFacts, call: str) -> Wait:
    """Without the right to see which descriptor: the only peer there is, if there is but one."""
    if call == "connect":
        return Wait("connect", "a peer to accept a connection", _connecting(thread))
    peer = _only_peer(thread)
    own = [one for one in thread.view.upstreams if one.pid == thread.pid]
    if call == "recvfrom" and not own and any(one.pid == thread.pid for one in thread.view.clients):
        return Wait("client", "its client to send")
    kind = "socket" if call in _READS else "send"
    return Wait(kind, f"{peer or 'a peer'}", peer)


def _connecting(thread: ThreadFacts) -> str | None:
    found = {one.remote for one in thread.view.upstreams if one.state == "SYN_SENT" and one.pid == thread.pid}
    return found.pop() if len(found) == 1 else None


def _only_peer(thread: ThreadFacts) -> str | None:
    found = {one.remote for one in thread.view.upstreams if one.pid == thread.pid and one.state == "ESTABLISHED"}
    return found.pop() if len(found) == 1 else None


def _database(thread: ThreadFacts) -> bool:
    """SQLite waits for another's lock by short sleeps inside one call of the driver: no Python frame tells."""
    if thread.state not in "SR" or _call(thread) not in _SLEEPS | {"", "futex"}:
        return False
    if not thread.work or _call(thread) not in _SLEEPS:
        return False
    return in_database(thread.view, thread.work[0])


def in_database(view: Indexed, frame: Frame) -> bool:
    """Whether the innermost frame is a call into a database: by its library, or by its line."""
    if at_place(frame, DATABASES):
        return True
    return not is_standard(frame) and bool(SQL.search(view.source(frame)))
