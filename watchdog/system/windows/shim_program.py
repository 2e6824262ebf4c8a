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
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import psutil

from watchdog.system.process import processes
from watchdog.system.shim.duty import LOCK_WITHIN, ORDER_WITHIN, Duty
from watchdog.system.shim.line import Line
from watchdog.system.shim.orders import Order
from watchdog.system.windows import accounts, birth, flock, jobs

_PAUSE = 0.1  # seconds between two looks at the service
_LINES, _LENGTH, _TAIL = 20, 500, 16 * 1024


def main() -> None:
    """Standard input says where wd waits, and with which key."""
    asked = json.loads(sys.stdin.buffer.readline())
    sock = socket.create_connection(("127.0.0.1", int(asked["port"])), timeout=ORDER_WITHIN)
    sock.sendall(str(asked["key"]).encode())
    sock.settimeout(None)
    line = Line(sock)
    with contextlib.suppress(EOFError, ValueError, TypeError):
        if message := line.receive(ORDER_WITHIN):
            _Shim(Order(**message), line).run()


class _Shim(Duty):
    def __init__(self, order: Order, line: Line) -> None:
        super().__init__(order, line)
        self._child: subprocess.Popen[bytes] | None = None
        self._job = _new_job()
        self._log, self._log_begin = self._place / "start.log", 0
        self._peak = 0

    def run(self) -> None:
        self._line.send(event="armed", pid=os.getpid())
        while not self._settled or self._child is not None or self._members():
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

    def _start(self, command: list[str]) -> None:
        """Under a lock, so that two shims never start two copies."""
        self._look_at_child()  # the end of the server before: its record is about to be replaced
        began = time.time()
        try:
            with flock.held(self._place / "lock", LOCK_WITHIN):
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
            order = self._order
            child = birth.spawn(command, cwd=order.cwd, env=order.env, user=order.user, log=log, job=self._job)
        self._child, self._peak = child, 0
        self._started(child.pid, began)

    def _finish_env(self) -> Mapping[str, str]:
        return accounts.base_environment()

    def _children(self) -> list[str]:
        own = {self._child.pid} if self._child is not None else set()
        found = (processes.read(pid) for pid in self._members() | own)
        return [str(one.identity) for one in found if one is not None]

    def _members(self) -> frozenset[int]:
        """Everybody that the service has started and that lives still, orphans too."""
        try:
            return jobs.members(self._job) if self._job else frozenset()
        except OSError:
            return frozenset()

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


def _new_job() -> int | None:
    """The job of this shim's service; None where Windows has none to give: then only parents tell who belongs to it."""
    ours = processes.read(os.getpid())
    try:
        return jobs.create(jobs.name(ours.pid, ours.identity.ticks)) if ours else None
    except OSError:
        return None
