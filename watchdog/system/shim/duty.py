"""What every shim owes its service, whatever the system: to obey wd, and to finish and judge by itself when wd is gone.

The programs of the platforms add how a process is started, watched and reaped there.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from watchdog.model.launching import ShimRecord
from watchdog.model.process import Identity
from watchdog.system.child import commands
from watchdog.system.clock import Deadline, wait_until
from watchdog.system.net import ports
from watchdog.system.process import processes
from watchdog.system.shim import records
from watchdog.system.shim.line import Line
from watchdog.system.shim.orders import Order

ORDER_WITHIN = 30.0  # seconds for the caller of the shim to say what to do
LOCK_WITHIN = 15.0
_GONE_WITHIN = 10.0  # seconds for the old processes to be gone, once somebody says start
_PORT_WITHIN = 20.0
_FINISH_WITHIN = 60.0
_SETTLED_AFTER = 3.0  # seconds that a service without a port must live to count as up, when nobody else judges


class Duty:
    """One order of wd, and what has become of it."""

    def __init__(self, order: Order, line: Line) -> None:
        self._order, self._line = order, line
        self._place = Path(order.folder)
        self._record: ShimRecord | None = None
        self._line_open = True
        self._armed = time.time()
        self._alone = False  # wd is gone without a word: the shim judges
        self._settled = False  # it is up, or given up: nothing more is to be started
        self._tried_fallback = not order.fallback
        self._judge: Deadline | None = None

    def _start(self, command: list[str]) -> None:
        raise NotImplementedError

    def _children(self) -> list[str]:
        """Identities of the living processes that this shim has started or adopted."""
        raise NotImplementedError

    def _finish_env(self) -> Mapping[str, str]:
        """Of the program that finishes a kill."""
        return {"PATH": os.defpath}

    def _let_go(self) -> None:
        """Of the lock on the service's starts, where one is kept."""

    def _held_ports(self) -> frozenset[int]:
        """Ports whose sockets the shim holds itself."""
        return frozenset()

    @property
    def _said_ready(self) -> bool:
        """Whether the server has said READY=1 in this life."""
        return False

    @property
    def _is_started(self) -> bool:
        return self._record is not None and not self._record.error

    def _obey(self, word: str) -> None:
        if word == "start":
            self._start(self._order.command)
        elif word == "fallback":
            self._tried_fallback = True
            self._start(self._order.fallback)
        elif word == "done" or (word == "cancel" and self._is_started):
            self._settle()
        elif word == "cancel":
            self._settled = True
        elif word == "eof" and not self._settled:
            self._alone = True
            if not self._is_started and self._finish_kill(self._order.doomed):
                self._start(self._order.command)

    def _started(self, pid: int, began: float) -> None:
        """The service's first process runs: note it, tell wd, and begin to judge."""
        records.up_to_date(self._place, began)
        found = processes.read(pid)
        ticks = found.identity.ticks if found else 0
        self._note(ShimRecord(self._order.service, pid, ticks, began, os.getpid(), boot=processes.boot_id()))
        self._judge = Deadline(self._order.within)
        self._line.send(event="started", pid=pid, ticks=ticks)

    def _start_through(self) -> None:
        """The service's own manager starts it; the shim has no child to look after."""
        done = commands.run(self._order.through, timeout=max(30.0, self._order.within), cwd="/", env=self._order.env)
        if done.ok:
            self._line.send(event="started", pid=None, ticks=0)
        else:
            self._fail(time.time(), done.error or done.output.strip()[-1000:] or f"it ended with {done.code}")
        if self._alone:
            self._settle()

    def _why_not(self) -> str:
        """Why nothing may be started now; empty if it may."""
        allowed = {*self._order.doomed, *self._order.beside, str(self._record.identity) if self._record else ""}
        for one in records.running(self._place):
            if str(one) not in allowed and processes.is_alive(one):
                return f"it already runs as pid {one.pid}"
        if self._alone and not self._settled and (other := self._start_of_another()):
            return f"another wd has started it meanwhile, as pid {other}"
        old = [Identity.parse(text) for text in self._order.doomed]
        if not wait_until(lambda: not any(processes.is_alive(one) for one in old), _GONE_WITHIN):
            left = [str(one.pid) for one in old if processes.is_alive(one)]
            return f"the old process {', '.join(left)} is still there: no second copy beside it"
        deadline = Deadline(_PORT_WITHIN)
        for port in set(self._order.ports) - self._held_ports():
            if not wait_until(lambda port=port: ports.can_bind(port), deadline.left, 0.05):  # type: ignore[misc]
                return ports.why_not_bound(port) or f"port {port} was not free in time"
        return ""

    def _start_of_another(self) -> int:
        """Somebody took over while we finished the kill. If that one has ended since, it may have been meant to."""
        found = (one for one in records.read_all(self._place) if one.started >= self._armed and not one.error)
        return next((one.pid for one in found if one.shim_pid != os.getpid()), 0)

    def _refuse(self, reason: str) -> None:
        self._line.send(event="refused", why=reason)
        self._let_go()
        if self._alone:
            self._leave_note(time.time(), f"not started: {reason}")
            self._settled = True

    def _fail(self, began: float, reason: str) -> None:
        self._leave_note(began, reason)
        self._line.send(event="failed", why=reason)
        if self._alone:
            self._next_or_give_up()

    def _judge_it(self) -> None:
        """wd is gone: is the service up? By its own word or its port, else by its staying alive."""
        record = self._record
        if record is None or record.error or self._judge is None:
            self._settle()
        elif record.ended is not None:
            self._next_or_give_up()
        elif self._order.says_ready or self._order.port is not None:
            if self._is_up():
                self._settle()
            elif self._judge.over:
                self._next_or_give_up()
        elif time.time() - record.started > _SETTLED_AFTER:
            self._settle()

    def _is_up(self) -> bool:
        if self._order.says_ready:
            return self._said_ready
        return any(one.holders for one in ports.listeners(self._order.port or 0))

    def _next_or_give_up(self) -> None:
        if self._tried_fallback:
            self._settle()
            return
        self._tried_fallback = True
        if self._finish_kill(self._children()):
            self._start(self._order.fallback)

    def _finish_kill(self, doomed: list[str]) -> bool:
        """What wd began: done by a separate program, so that the shim stays small. False if somebody survives."""
        question = {"doomed": doomed, "inodes": self._order.inodes, "ports": self._order.ports}
        done = commands.run(
            self._order.finish_command, timeout=_FINISH_WITHIN, env=self._finish_env(), stdin=json.dumps(question)
        )
        if done.ok:
            return True
        self._leave_note(time.time(), f"not started: the kill could not be finished: {done.output.strip()[-500:]}")
        self._settled = True
        return False

    def _settle(self) -> None:
        self._settled = True
        self._let_go()
        if self._line_open:
            self._line.close()
            self._line_open = False

    def _leave_note(self, began: float, error: str) -> None:
        self._note(ShimRecord(self._order.service, 0, 0, began, os.getpid(), ended=began, error=error))

    def _note(self, record: ShimRecord) -> None:
        self._record = record
        with contextlib.suppress(OSError):  # a full disk must not take the service's parent with it
            records.write(self._place, record)
