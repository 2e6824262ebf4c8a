"""The small process between a bridge and its child: it starts the child, and ends all that is left of it.

A bridge can be killed at any moment, and a child can start processes that leave its session. So the child's parent is
this process: every orphan of the child comes to it (a subreaper), and it ends them all when the child has ended, when
the bridge asks for it, and when the bridge is gone. If this process is killed, the kernel ends the child, and the
orphans come to the bridge, which is a subreaper too.

Standard library and the light rooms of ours only.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from typing import Any

from watchdog.system import holds, signals
from watchdog.system.clock import Deadline, wait_until
from watchdog.system.posix import detach
from watchdog.system.process import processes
from watchdog.system.shim.line import Line

_ORDER_WITHIN = 30.0  # seconds for the bridge to say what to start
_GRACE = 2.0  # seconds from SIGTERM to SIGKILL when the bridge is gone
_FINISH = 10.0  # seconds in which everything must be gone after SIGKILL


def main() -> None:
    """The last word is the descriptor of the line to the bridge; the streams are the child's."""
    line = Line(socket.socket(fileno=int(sys.argv[-1])))
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, detach.nothing)
    detach.adopt_orphans()
    try:
        order = line.receive(_ORDER_WITHIN)
    except EOFError:
        return
    if order is None:
        return
    try:
        child = _started(order)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        line.send(event="failed", why=_why(error, order))
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # the child's alone: else nobody would see that it closed them
        os.dup2(nowhere, stream)
    started = processes.read(child.pid)
    line.send(event="started", pid=child.pid, ticks=started.identity.ticks if started else 0)
    _keep(child, line)


def _started(order: dict[str, Any]) -> subprocess.Popen[bytes]:
    keeper = os.getpid()
    return subprocess.Popen(
        order["command"],
        cwd=order["cwd"],
        env=order["env"],
        start_new_session=True,
        preexec_fn=lambda: detach.end_with(keeper),
    )


def _why(error: Exception, order: dict[str, Any]) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or order['command'][0]}: {error.strerror}"
    return str(error)


def _keep(child: subprocess.Popen[bytes], line: Line) -> None:
    """Until the child has ended, by itself or as asked; then nothing of it is left."""
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, detach.nothing)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    watcher = select.poll()
    watcher.register(wake, select.POLLIN)
    watcher.register(line.fileno(), select.POLLIN)
    grace: float | None = None
    while grace is None and not _has_ended(child):
        ready = {descriptor for descriptor, _ in watcher.poll()}
        if wake in ready:
            os.read(wake, 4096)
        if line.fileno() in ready:
            grace = _asked(line)
    signal.set_wakeup_fd(-1)
    if grace is not None:
        _ask_to_end(grace)
    ended = _has_ended(child)
    if ended:
        line.send(event="ended", code=child.returncode)
    left = end_descendants(os.getpid(), _FINISH)
    if not ended:
        child.poll()
        line.send(event="ended", code=child.returncode)
    line.send(event="gone", left=left)


def _asked(line: Line) -> float | None:
    """The grace of an order to end; that of a bridge that is gone."""
    try:
        message = line.receive(0)
    except EOFError:
        return _GRACE
    return float(message["grace"]) if message else None


def _has_ended(child: subprocess.Popen[bytes]) -> bool:
    """Only the child is reaped by its pid here, so that its exit code is kept."""
    return child.poll() is not None


def _ask_to_end(grace: float) -> None:
    """SIGTERM to the whole tree; over as soon as all are gone."""
    if grace <= 0:
        return
    for pid in _living(os.getpid()):
        _send(pid, signals.TERM)
    wait_until(lambda: not _living(os.getpid()), grace)


def end_descendants(root: int, within: float) -> list[int]:
    """SIGKILL to all below `root`, again until a look finds nobody alive; the pids that are still there."""
    deadline = Deadline(within)
    while living := _living(root):
        if deadline.over:
            return living
        for pid in living:
            _send(pid, signals.KILL)
        wait_until(lambda: not _living(root), min(0.2, deadline.left), 0.005)
    return []


def _living(root: int) -> list[int]:
    table = processes.table()
    return [pid for pid in processes.descendants(table, root) if not table[pid].ended]


def _send(pid: int, number: int) -> None:
    held = holds.hold(pid, allow_unsafe=True)  # a descendant of ours: until it is reaped, its pid is its own
    if held is not None:
        holds.send(held, number)
        held.close()
