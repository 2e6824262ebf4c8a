"""The small process between wd and a service on Windows: it starts the service, and stays until that ends.

Armed before a kill begins, it holds everything that a start needs. If wd dies between kill and start, its end of the
line closes without a word, and the shim finishes the kill, waits for the port and starts the service, once.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil

from watchdog.model.launching import ShimRecord
from watchdog.model.process import Identity
from watchdog.system.child import commands
from watchdog.system.clock import Deadline, wait_until
from watchdog.system.net import ports
from watchdog.system.process import processes
from watchdog.system.shim import records
from watchdog.system.shim.line import Line
from watchdog.system.shim.orders import Order
from watchdog.system.windows import accounts, children, flock

_ORDER_WITHIN = 30.0  # seconds for whoever has called us to say what to do
_GONE_WITHIN = 10.0  # seconds for the old processes to be gone, once somebody says start
_PORT_WITHIN = 20.0
_LOCK_WITHIN = 15.0
_FINISH_WITHIN = 60.0
_SETTLED_AFTER = 3.0  # seconds that a service without a port must live to count as up, when nobody else judges
_PAUSE = 0.1  # seconds between two looks at the service
_LINES, _LENGTH, _TAIL = 20, 500, 16 * 1024


def main() -> None:
    """Standard input says where wd waits, and with which key."""
    asked = json.loads(sys.stdin.buffer.readline())
    sock = socket.create_connection(("127.0.0.1", int(asked["port"])), timeout=_ORDER_WITHIN)
    sock.sendall(str(asked["key"]).encode())
    sock.settimeout(None)
    line = Line(sock)
    with contextlib.suppress(EOFError, ValueError, TypeError):
        if message := line.receive(_ORDER_WITHIN):
            _Shim(Order(**message), line).run()


class _Shim:
    def __init__(self, order: Order, line: Line) -> None:
        self._order, self._line, self._place = order, line, Path(order.folder)
        self._child: subprocess.Popen[bytes] | None = None
        self._record: ShimRecord | None = None
        self._log, self._log_begin = self._place / "start.log", 0
        self._line_open = True
        self._alone = False  # wd is gone without a word: we judge
        self._settled = False  # it is up, or given up: nothing more is to be started
        self._tried_fallback = not order.fallback
        self._judge: Deadline | None = None
        self._peak = 0

    def run(self) -> None:
        self._line.send(event="armed", pid=os.getpid())
        while not self._settled or self._child is not None:
            for word in self._words():
                self._obey(word)
            self._look_at_child()
            if self._alone and not self._settled:
                self._judge_it()

    def _words(self) -> Iterator[str]:
        """What wd says within a moment; "eof" once when it is gone."""
        if not self._line_open:
            time.sleep(_PAUSE)
            return
        try:
            message = self._line.receive(_PAUSE)
        except EOFError:
            self._line_open = False
            yield "eof"
            return
        if message:
            yield str(message["word"])

    def _obey(self, word: str) -> None:
        started = self._record is not None and not self._record.error
        if word == "start":
            self._start(self._order.command)
        elif word == "fallback":
            self._tried_fallback = True
            self._start(self._order.fallback)
        elif word == "done" or (word == "cancel" and started):
            self._settle()
        elif word == "cancel":
            self._settled = True
        elif word == "eof" and not self._settled:
            self._alone = True
            if not started and self._finish_kill(self._order.doomed):
                self._start(self._order.command)

    def _start(self, command: list[str]) -> None:
        """Under a lock, so that two shims never start two copies."""
        began = time.time()
        try:
            with flock.held(self._place / "lock", _LOCK_WITHIN):
                if reason := self._why_not():
                    self._refuse(reason)
                elif self._order.through:
                    self._start_through()
                else:
                    self._start_it(command, began)
        except flock.Busy:
            self._refuse("another start of this service is under way")
        except (OSError, LookupError, ValueError) as error:
            self._fail(began, str(error))

    def _start_it(self, command: list[str], began: float) -> None:
        if self._order.log:
            self._log = Path(self._order.log)
        with self._log.open("ab") as log:
            self._log_begin = log.tell()
            child = subprocess.Popen(
                command,
                cwd=self._order.cwd,
                env=self._order.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **children.ALONE,
                **accounts.to_run_as(self._order.user),
            )
        found = processes.read(child.pid)
        self._child, self._peak = child, 0
        ticks = found.identity.ticks if found else 0
        self._note(ShimRecord(self._order.service, child.pid, ticks, began, os.getpid(), boot=processes.boot_id()))
        self._judge = Deadline(self._order.within)
        self._line.send(event="started", pid=child.pid, ticks=ticks)

    def _start_through(self) -> None:
        """The service's own manager starts it; there is no child of ours to look after."""
        done = commands.run(self._order.through, timeout=max(30.0, self._order.within), cwd="/", env=self._order.env)
        if done.ok:
            self._line.send(event="started", pid=None, ticks=0)
        else:
            self._fail(time.time(), done.error or done.output.strip()[-1000:] or f"it ended with {done.code}")
        if self._alone:
            self._settle()

    def _why_not(self) -> str:
        """Why nothing may be started now; empty if it may."""
        for one in records.running(self._place):
            if str(one) not in self._order.doomed and processes.is_alive(one):
                return f"it already runs as pid {one.pid}"
        old = [Identity.parse(text) for text in self._order.doomed]
        if not wait_until(lambda: not any(processes.is_alive(one) for one in old), _GONE_WITHIN):
            left = [str(one.pid) for one in old if processes.is_alive(one)]
            return f"the old process {', '.join(left)} is still there: no second copy beside it"
        deadline = Deadline(_PORT_WITHIN)
        for port in self._order.ports:
            if not wait_until(lambda port=port: ports.can_bind(port), deadline.left, 0.05):  # type: ignore[misc]
                return ports.why_not_bound(port) or f"port {port} was not free in time"
        return ""

    def _refuse(self, reason: str) -> None:
        self._line.send(event="refused", why=reason)
        if self._alone:
            self._leave_note(time.time(), f"not started: {reason}")
            self._settled = True

    def _fail(self, began: float, reason: str) -> None:
        self._leave_note(began, reason)
        self._line.send(event="failed", why=reason)
        if self._alone:
            self._next_or_give_up()

    def _look_at_child(self) -> None:
        if self._child is None:
            return
        with contextlib.suppress(psutil.Error, OSError):
            self._peak = max(self._peak, getattr(psutil.Process(self._child.pid).memory_info(), "peak_wset", 0))
        code = self._child.poll()
        if code is not None and self._record is not None:
            self._child = None
            lines = self._last_lines()
            peak = self._peak or None
            self._note(replace(self._record, ended=time.time(), code=code, peak_rss=peak, last_lines=lines))
            self._line.send(event="ended", code=code, lines=lines)

    def _last_lines(self) -> tuple[str, ...]:
        """What this start has written last."""
        try:
            with self._log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_begin if size >= self._log_begin else 0, size - _TAIL))
                lines = file.read(_TAIL).decode("utf-8", "backslashreplace").splitlines()
        except OSError:
            return ()
        return tuple(line[:_LENGTH] for line in lines[-_LINES:])

    def _judge_it(self) -> None:
        """wd is gone: is the service up? By its port, else by its staying alive."""
        record = self._record
        if record is None or record.error or self._judge is None:
            self._settle()
        elif record.ended is not None:
            self._next_or_give_up()
        elif self._order.port is not None:
            if any(one.holders for one in ports.listeners(self._order.port)):
                self._settle()
            elif self._judge.over:
                self._next_or_give_up()
        elif time.time() - record.started > _SETTLED_AFTER:
            self._settle()

    def _next_or_give_up(self) -> None:
        if self._tried_fallback:
            self._settle()
            return
        self._tried_fallback = True
        mine = [str(self._record.identity)] if self._record and self._record.identity and self._child else []
        if self._finish_kill(mine):
            self._start(self._order.fallback)

    def _finish_kill(self, doomed: list[str]) -> bool:
        """What wd began: done by a process of its own, so that this one stays small. False if somebody survives."""
        question = {"doomed": doomed, "inodes": self._order.inodes, "ports": self._order.ports}
        done = commands.run(
            self._order.finish_command,
            timeout=_FINISH_WITHIN,
            env=accounts.base_environment(),
            stdin=json.dumps(question),
        )
        if done.ok:
            return True
        self._leave_note(time.time(), f"not started: the kill could not be finished: {done.output.strip()[-500:]}")
        self._settled = True
        return False

    def _settle(self) -> None:
        self._settled = True
        if self._line_open:
            self._line.close()
            self._line_open = False

    def _leave_note(self, began: float, error: str) -> None:
        self._note(ShimRecord(self._order.service, 0, 0, began, os.getpid(), ended=began, error=error))

    def _note(self, record: ShimRecord) -> None:
        self._record = record
        with contextlib.suppress(OSError):  # a full disk must not take the service's parent with it
            records.write(self._place, record)
