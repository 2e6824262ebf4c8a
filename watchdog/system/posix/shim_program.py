"""The small process between wd and a service: it starts the service, and stays as its parent until it ends.

Armed before the first signal of a kill, it holds everything that a start needs. If wd dies between kill and start, by
whatever means, its end of the line closes without a word, and the shim finishes the kill, waits for the port and starts
the service, once. All starts of a service go through a lock and a look at the records, so two shims never start two
copies. As a subreaper it gets every orphan of the service; it notes how the service ended and what it said last.

Standard library and the light rooms of ours only: it runs as long as the service does.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from watchdog.model.playbook import Limits
from watchdog.model.process import Identity
from watchdog.system.clock import wait_until
from watchdog.system.net import ports
from watchdog.system.posix import birth, children, detach, standby
from watchdog.system.posix.held import HeldSockets, handing_over
from watchdog.system.posix.limits import StartLimits
from watchdog.system.posix.notified import NotifySocket
from watchdog.system.process import processes
from watchdog.system.shim import heard, records
from watchdog.system.shim.duty import LOCK_WITHIN, ORDER_WITHIN, Duty
from watchdog.system.shim.heard import Heard
from watchdog.system.shim.line import Line
from watchdog.system.shim.orders import Order
from watchdog.system.shim.restarts import Restarts

_AS_PLANNED = (0, -signal.SIGTERM, -signal.SIGINT)  # how a server ends that has said STOPPING=1 and meant it
_LOOK_BACK = 5  # starts of the service, among whose shims the one is that holds the sockets


def main() -> None:
    """Standard input is the line to wd."""
    line: Line | None = Line(socket.socket(fileno=os.dup(0)))
    # A child of init, not of wd: a daemon would collect zombies, and a tree of wd must not hold the service.
    if os.fork():
        os._exit(0)
    detach.leave()
    while line is not None and (order := _order(line)) is not None:
        shim = _Shim(order, line)
        shim.run()
        line = shim.stand_by()
        if line is None:
            heard.forget(order.standby)


def _order(line: Line) -> Order | None:
    """None if the caller says nothing, goes away, or is a wd of another version."""
    try:
        message = line.receive(ORDER_WITHIN)
        return Order(**message) if message else None
    except (EOFError, ValueError, TypeError):
        return None


class _Shim(Duty):
    def __init__(self, order: Order, line: Line) -> None:
        super().__init__(order, line)
        self._log: birth.Log | None = None
        self._lock = -1
        self._held = HeldSockets(order.listen, order.standby)
        self._notify, self._heard = NotifySocket(), Heard()
        self._limits = StartLimits(Limits(**order.limits), order.service)
        self._restarts = Restarts(order.restarts, order.restarts_within, *order.pauses)
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._waker, False)
        signal.signal(signal.SIGCHLD, detach.nothing)
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)

    def run(self) -> None:
        # Before the first signal to the old server: from now on connections wait for the new one.
        lately = reversed(records.read_all(self._place)[-_LOOK_BACK:])
        with contextlib.suppress(OSError):  # a full disk: the start comes first
            self._held.take_over(dict.fromkeys(one.shim_pid for one in lately))
        self._line.send(event="armed", pid=os.getpid())
        while not self._settled or children.are_left() or self._held.waits or self._will_restart:
            for word in self._wait():
                self._obey(word)
            self._hear_the_server()
            self._reap()
            if self._alone and not self._settled:
                self._judge_it()
            if self._will_restart and self._restarts.is_due():
                self._start_again()
        self._held.close()
        self._notify.close()
        self._limits.close()

    def stand_by(self) -> Line | None:
        """After the end of a service that was up: the line to a wd that wants it started again, if one does soon."""
        signal.set_wakeup_fd(-1)
        os.close(self._wake)
        os.close(self._waker)
        if self._log is not None:
            self._log.close()
        if self._order.listen:
            return None
        if self._record is None or self._record.ended is None or self._record.error:
            return None
        return standby.offer(self._order.standby)

    def _wait(self) -> list[str]:
        """Words of wd, "eof" once when it is gone; empty when a child ended or time passed."""
        watcher = select.poll()
        watcher.register(self._wake, select.POLLIN)
        if self._line_open:
            watcher.register(self._line, select.POLLIN)
        for descriptor in (*self._held.listened_to(), self._notify.fileno()):
            if descriptor >= 0:
                watcher.register(descriptor, select.POLLIN)
        ready = watcher.poll(200 if self._alone and not self._settled else self._until_restart)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake, 4096)
        self._held.hear((descriptor for descriptor, _ in ready), self._lives)
        if not self._line_open or not any(descriptor == self._line.fileno() for descriptor, _ in ready):
            return []
        try:
            message = self._line.receive(0)
        except EOFError:
            self._line_open = False
            return ["eof"]
        return [str(message["word"])] if message else []

    def _obey(self, word: str) -> None:
        if word == "eof" and not self._settled and self._order.beside:
            self._leave_it_to_the_old_one()
            return
        if word == "done" or (word == "cancel" and self._is_started):
            self._held.started()
        elif word == "cancel":
            self._held.cancel()
        super()._obey(word)

    def _start(self, command: list[str]) -> None:
        self._reap()  # the end of the server before: its record is about to be replaced
        if reason := self._why_not():
            self._refuse(reason)
            return
        if self._order.through:
            self._start_through()
            return
        began = time.time()
        try:
            child = self._spawn(command)
        except (OSError, LookupError, ValueError, subprocess.SubprocessError) as error:
            self._fail(began, str(error))
            return
        child.returncode = 0  # reaped by us below, not by the Popen object
        if not self._order.beside:
            self._held.started()
        self._heard = heard.a_new_life(self._order.standby)
        self._started(child.pid, began)

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        order, env = self._order, self._order.env
        if self._notify.address:
            env = {"NOTIFY_SOCKET": self._notify.address, **env}
        if self._log is not None:
            self._log.close()
        self._log = birth.open_log(self._place / "start.log", order.log, order.user)
        self._held.open(order.user)
        more: dict[str, Any] = handing_over(self._held.descriptors, command, env) if self._held else {"env": env}
        if not self._limits:
            return birth.spawn(command, cwd=order.cwd, user=order.user, log=self._log, more=more)
        more["preexec_fn"] = _one_after_the_other(more.get("preexec_fn"), self._limits.in_child)
        with self._limits.while_starting():
            self._log.note(self._limits.notice)
            return birth.spawn(command, cwd=order.cwd, user=order.user, log=self._log, more=more)

    def _start_again(self) -> None:
        """After an end that nobody wanted, behind a held socket: at once, so that those who wait are served."""
        self._restarts.begun(time.time())
        self._start(self._order.command)
        self._let_go()

    @property
    def _will_restart(self) -> bool:
        return self._settled and self._held.on_duty and self._restarts.due_at is not None

    @property
    def _until_restart(self) -> int | None:
        """Milliseconds; None where none is planned."""
        return self._restarts.milliseconds_left() if self._will_restart else None

    def _lives(self) -> bool:
        return self._is_started and self._record is not None and self._record.ended is None

    def _held_ports(self) -> frozenset[int]:
        return self._held.ports

    def _children(self) -> list[str]:
        return [str(one.identity) for one in processes.table().values() if one.parent == os.getpid()]

    def _why_not(self) -> str:
        """The lock is held from here on."""
        return super()._why_not() if self._take_lock() else "another start of this service is under way"

    def _take_lock(self) -> bool:
        if self._lock < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            try:
                self._lock = os.open(self._place / "lock", flags, 0o600)
            except OSError:  # a full disk: the records and the port still stand against a second copy
                return True

        def taken() -> bool:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
            return True

        return wait_until(taken, LOCK_WITHIN, 0.05)

    def _fail(self, began: float, reason: str) -> None:
        super()._fail(began, reason)
        self._plan_restart(0.0)

    def _hear_the_server(self) -> None:
        """What the server says of itself by sd_notify; only a separate process tree is believed."""
        before = self._heard
        for sender, lines in self._notify.messages():
            if self._is_of_the_server(sender):
                self._heard = heard.after(self._heard, lines)
        if self._heard == before:
            return
        with contextlib.suppress(OSError):  # a full disk: the server goes on
            heard.write(self._order.standby, self._heard)
        if self._heard.ready and not before.ready:
            self._line.send(event="ready")

    @property
    def _said_ready(self) -> bool:
        return self._heard.ready is not None

    def _is_of_the_server(self, pid: int) -> bool:
        """Whether it descends from us, and began with this life of the server or later."""
        sender = processes.read(pid) if pid > 0 else None
        if sender is None or self._record is None or sender.identity.ticks < self._record.ticks:
            return False
        while sender is not None and sender.parent > 1 and sender.parent != os.getpid():
            sender = processes.read(sender.parent)
        return sender is not None and sender.parent == os.getpid()

    def _reap(self) -> None:
        while (pid := children.next_ended()) is not None:
            self._hear_the_server()  # its last words; once it is reaped, nobody knows whose they were
            _, status, usage = os.wait4(pid, 0)
            if self._record is not None and pid == self._record.pid and self._record.ended is None:
                self._ended(os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024)

    def _ended(self, code: int, peak: int) -> None:
        assert self._record is not None
        heir = self._heir() if code == 0 else None
        if heir is not None:
            # A start script that sent the server into the background: that one is the service.
            self._note(replace(self._record, pid=heir.pid, ticks=heir.ticks))
            self._line.send(event="heir", pid=heir.pid, ticks=heir.ticks)
            return
        lines = self._log.last_lines() if self._log else ()
        self._note(
            replace(
                self._record,
                ended=time.time(),
                code=code if code >= 0 else None,
                signal=-code if code < 0 else None,
                peak_rss=peak,
                last_lines=lines,
                limit=self._limits.reached(code, lines),
                planned=self._heard.stopping is not None and code in _AS_PLANNED,
            )
        )
        self._line.send(event="ended", code=code, lines=lines)
        self._plan_restart(time.time() - self._record.started, self._record.planned)

    def _plan_restart(self, lived: float, planned: bool = False) -> None:
        """Where the sockets are held, the shim starts it again, as often as it may; then it gives the addresses up."""
        if not self._held or not self._settled or self._lives() or self._restarts.due_at is not None:
            return
        if not self._restarts.plan(time.time(), lived, planned):
            self._held.close()

    def _next_or_give_up(self) -> None:
        """wd is gone, and the server has ended before it was up: within the limits it is started again all the same."""
        super()._next_or_give_up()
        if self._record is not None and self._record.ended is not None:
            self._plan_restart(self._record.ended - self._record.started, self._record.planned)

    def _heir(self) -> Identity | None:
        children = [one for one in processes.table().values() if one.parent == os.getpid() and not one.ended]
        listening = ports.listeners(self._order.port) if self._order.port is not None else ()
        holders = {pid for listener in listening for pid in listener.holders}
        children.sort(key=lambda one: (one.pid not in holders, one.identity.ticks))
        return children[0].identity if children else None

    def _leave_it_to_the_old_one(self) -> None:
        """wd is gone before the new server was proven: it ends, and the old shim is on duty again."""
        self._finish_kill(self._children())
        self._settle()
        self._held.close()

    def _let_go(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _one_after_the_other(*steps: Callable[[], None] | None) -> Callable[[], None]:
    def run() -> None:
        for step in steps:
            if step is not None:
                step()

    return run
