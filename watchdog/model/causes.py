"""The one list of causes, roots before what they lead to. The words are those of the field, and never change.

`python docs/tables.py` writes docs/causes.md from it.
"""

from __future__ import annotations

from typing import Literal

from watchdog.model.records import record

Kind = Literal["fault", "warning", "healthy", "unknown"]
Advice = Literal["none", "wait", "restart", "restart-worker", "fix-config", "call-a-person"]


@record(frozen=True)
class Cause:
    """What can be wrong with a server, or not."""

    name: str
    kind: Kind
    meaning: str
    sign: str  # by what it is known from outside
    helps: str  # what helps now
    advice: Advice  # what a finding of it advises, unless it says otherwise


_ALL = (
    Cause(
        "stopped", "fault", "the process is stopped by a signal",
        "the kernel's state of the process, and who sent the signal",
        "continue it", "restart",
    ),
    Cause(
        "traced", "fault", "a debugger holds the process",
        "the kernel names the debugger",
        "detach the debugger", "call-a-person",
    ),
    Cause(
        "uninterruptible", "fault", "the process waits in the kernel and cannot be ended",
        "the kernel's state of a thread, and where in the kernel it waits",
        "repair the disk", "call-a-person",
    ),
    Cause(
        "lock-deadlock", "fault", "threads or tasks wait for each other's locks",
        "a circle in the graph of locks (threads or tasks), or a lock that nobody holds now",
        "restart", "restart",
    ),
    Cause(
        "import-lock", "fault", "an import waits for itself",
        "an import waits for somebody who waits for the import, or for a lock that its importer holds",
        "restart", "restart",
    ),
    Cause(
        "child-pipe-full", "fault", "a child waits in write to a pipe that its parent does not read",
        "a child is blocked in write to a pipe whose reader waits for its end",
        "restart", "restart",
    ),
    Cause(
        "stdio-ipc-deadlock", "fault", "parent and child each wait for the other's pipe",
        "parent and child are blocked at each other's pipe",
        "restart", "restart",
    ),
    Cause(
        "fork-lock", "fault", "a lock was held across fork, or a thread was left behind",
        "a forked child waits for a lock that a thread of its parent held at the fork, or for a thread that only its "
        "parent has",
        "restart", "restart",
    ),
    Cause(
        "wrong-program", "fault", "another program runs than the configured one",
        "the port's holder is not the configured program; the launcher's line that chose it",
        "fix the configuration", "fix-config",
    ),
    Cause(
        "db-locked", "fault", "a database writer keeps its lock",
        "a writer keeps SQLite's lock: which process, which thread, at which line",
        "restart, or end the writer", "restart",
    ),
    Cause(
        "fd-exhausted", "fault", "no free file descriptor",
        "descriptors at the limit; what they are, and who opens them without closing",
        "restart", "restart",
    ),
    Cause(
        "disk-full", "fault", "no space is left on a file system it needs",
        "no space or inode where the server writes, or tries to again and again",
        "a person", "call-a-person",
    ),
    Cause(
        "oom-killed", "fault", "ended at a memory limit",
        "the kernel's log, the shim's record, a MemoryError at the end of the log, a thread that died of one",
        "restart", "restart",
    ),
    Cause(
        "stdin-json-garbage", "fault", "a child's output is not always JSON",
        "the reader of a child's output has died of a line that is not a message",
        "restart", "restart",
    ),
    Cause(
        "crash-loop", "fault", "the process dies again soon after each start",
        "it dies again soon after each start: period and last words",
        "a person", "call-a-person",
    ),
    Cause(
        "start-failed", "fault", "it ended while starting",
        "no process; the last exit and the last traceback",
        "restart, or a person", "restart",
    ),
    Cause(
        "not-running", "fault", "no process serves it",
        "no process; the last exit and the last traceback",
        "restart, or a person", "restart",
    ),
    Cause(
        "ignores-sigterm", "fault", "SIGTERM does not end it",
        "a handler that waits, threads that keep the interpreter, a blocked signal, a drain that never ends",
        "KILL", "restart",
    ),
    Cause(
        "busy-loop", "fault", "Python code that never ends uses a core",
        "a thread wants the CPU in every look, in the same function; inner calls come and go",
        "restart, or the one worker", "restart",
    ),
    Cause(
        "gil-held-native", "fault", "native code keeps the interpreter's lock",
        "the same, at one statement that is not a loop of Python's: a pattern, a huge number, a parser",
        "restart, or the one worker", "restart",
    ),
    Cause(
        "event-loop-blocked", "fault", "a synchronous call on the event loop's thread",
        "a synchronous call on the event loop's thread",
        "restart", "restart",
    ),
    Cause(
        "accept-backlog-full", "fault", "the kernel's queue of new connections is full",
        "the kernel's queue is full while the server works",
        "restart or wait", "restart",
    ),
    Cause(
        "port-squatter", "fault", "another process keeps the port, a restart cannot bind it",
        "an orphan of an earlier run keeps the port",
        "restart", "restart",
    ),
    Cause(
        "pool-exhausted", "fault", "no free thread, worker, slot or pooled connection",
        "every thread or worker of a pool is taken, or requests wait for a place in one",
        "restart", "restart",
    ),
    Cause(
        "lock-convoy", "fault", "many threads queue for one lock that is held too long",
        "requests wait for one lock that is held too long; the line is what its holder does meanwhile",
        "wait or restart", "restart",
    ),
    Cause(
        "external-wait", "fault", "no time-out on a read from a peer that does not answer",
        "a read from, or a connection to, a peer that does not answer; the peer is named and tried",
        "restart, look at the peer", "restart",
    ),
    Cause(
        "await-never", "fault", "the loop is idle, a future or event is never set",
        "the loop idles, requests are suspended in an event, queue or future that nobody sets",
        "restart", "restart",
    ),
    Cause(
        "memory-leak", "fault", "memory grows steadily",
        "memory rises in every third of the looking; the variable that grows and the line that fills it",
        "restart before the limit", "restart",
    ),
    Cause(
        "child-wait", "fault", "it waits for a child process that does not end",
        "it waits for a child that does not end",
        "restart", "restart",
    ),
    Cause(
        "host-starved", "fault", "the machine is short of memory, CPU or disk, not the server",
        "the machine's pressure, while the server's own threads stand",
        "wait", "wait",
    ),
    Cause(
        "slow-degradation", "warning", "answers get slower as state grows",
        "answers take long in a function that goes over what only grows",
        "restart", "restart",
    ),
    Cause(
        "thread-leak", "warning", "the number of threads only rises",
        "a hundred and more threads at one line",
        "restart", "restart",
    ),
    Cause(
        "memory-step", "warning", "memory grew at once",
        "memory grew at once, or one huge thing that a request made is kept",
        "wait", "wait",
    ),
    Cause(
        "zombie-parent", "warning", "ended children are never reaped",
        "ended children that nobody reaps",
        "restart", "restart",
    ),
    Cause(
        "healthy-but-slow", "warning", "slow, within the limit",
        "it answers within the limit",
        "nothing", "wait",
    ),
    Cause(
        "healthy-busy", "healthy", "high CPU by design, answering",
        "it answers, and is busy by design",
        "nothing", "none",
    ),
    Cause(
        "healthy", "healthy", "nothing is wrong",
        "it answers",
        "nothing", "none",
    ),
    Cause(
        "not-python", "unknown", "not a Python server; only the outside can be seen",
        "states, peers and queue of another kind of server",
        "", "none",
    ),
    Cause(
        "unknown", "unknown", "what could be seen does not show the cause",
        "what was missing, and the command that would get it",
        "", "restart",
    ),
)  # fmt: skip
CAUSES: dict[str, Cause] = {one.name: one for one in _ALL}
HEALTHY = frozenset({one.name for one in _ALL if one.name.startswith("healthy")})
