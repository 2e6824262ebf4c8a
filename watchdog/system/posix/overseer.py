"""Runs the long part of a program in a child, and starts it again when it is killed or stands still.

This is the last resort: whatever holds the interpreter's lock for ever stops every thread, those that would notice it
too. The parent does nothing but listen, so it stays small and cannot be stopped by what stops the child.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

from watchdog.system import signals
from watchdog.system.child.link import Link
from watchdog.system.host import sd_notify
from watchdog.system.posix import children, detach

STILL = 30.0  # seconds without a beat, while this process itself ran
_LOOK = 5.0  # seconds between two looks of the parent when the child says nothing
_END = 10.0  # seconds that the child gets to end when it is asked to
_LONGEST_PAUSE = 60.0  # seconds before a child that fails again and again is started again
_LASTED = 60.0  # seconds after which the next failure is a new one


def oversee(still: float = STILL) -> Link | int:
    """Fork. The child gets its link and goes on; the parent gets the exit code, when it is all over.

    SIGTERM, SIGINT and SIGHUP of the parent go on to the child. Call it before there are threads, in the main thread.
    """
    return _Overseer(still).run()


class _Overseer:
    """The parent's side."""

    def __init__(self, still: float) -> None:
        self._still = still
        self._period = sd_notify.watchdog_period()
        self._child: int | None = None
        self._pipe = -1
        self._rest = b""
        self._asked: float | None = None  # when it was asked to end, on the monotonic clock
        self._before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}

    def run(self) -> Link | int:
        reason, pause = "", 0.5
        while True:
            link = self._start(reason)
            if link is not None:
                return link
            began = time.monotonic()
            code, reason = self._listen()
            if code is not None:
                return code
            pause = 1.0 if time.monotonic() - began > _LASTED else min(2 * pause, _LONGEST_PAUSE)
            if self._is_over_within(pause):
                return 0

    def _start(self, reason: str) -> Link | None:
        """The link in the child, None in the parent."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        here, there = os.pipe()
        parent, numbers = os.getpid(), tuple(self._before)
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        self._child = os.fork()
        if self._child == 0:
            os.close(here)
            os.set_blocking(there, False)
            for number, handler in self._before.items():
                signal.signal(number, handler)
            detach.end_with(parent)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
            return Link(there, self._period, reason)
        os.close(there)
        self._pipe, self._rest = here, b""
        for number in numbers:
            signal.signal(number, self._pass_on)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
        return None

    def _pass_on(self, number: int, frame: object) -> None:
        if number != signal.SIGHUP and self._asked is None:
            self._asked = time.monotonic()
        if self._child is not None:
            signals.to_child(self._child, number)

    def _listen(self) -> tuple[int | None, str]:
        """Until the child has ended: (its exit code, ""), or (None, why it must be started again)."""
        silent, killed = 0.0, ""
        poll = select.poll()
        poll.register(self._pipe, select.POLLIN)
        while True:
            wait = 0.1 if self._asked or killed else min(_LOOK, self._still / 4)
            heard = bool(poll.poll(wait * 1000))
            if heard and not self._hear():
                break
            # Not by the clock: while this process did not run either, nothing is known about the child.
            silent = 0.0 if heard else silent + wait
            if not killed and (killed := self._why_end(silent)):
                signals.to_child(self._child or 0, signal.SIGKILL)
            if self._has_ended():
                break
        os.close(self._pipe)
        return self._end(killed)

    def _hear(self) -> bool:
        """Take what the child says; False when it will say nothing more."""
        data = os.read(self._pipe, 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line:
                sd_notify.tell(line.decode())
        return bool(data)

    def _why_end(self, silent: float) -> str:
        if self._asked is not None and time.monotonic() - self._asked > _END:
            return f"it did not end within {_END:g} s"
        return f"it stood still for {silent:.0f} s and was ended" if silent >= self._still else ""

    def _has_ended(self) -> bool:
        """Without reaping it: until then its pid cannot belong to another."""
        return children.has_ended(self._child or 0)

    def _end(self, killed: str) -> tuple[int | None, str]:
        """How the child ended, now that it says nothing more."""
        deadline = time.monotonic() + _END
        while not self._has_ended():
            if time.monotonic() > deadline:
                signals.to_child(self._child or 0, signal.SIGKILL)
            time.sleep(0.02)
        pid, self._child = self._child or 0, None
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        if code >= 0:
            return code, ""
        if self._asked is not None:
            return (2 if killed else 128 - code), ""
        return None, killed or f"it was ended by {signal.Signals(-code).name}"

    def _is_over_within(self, seconds: float) -> bool:
        """Whether somebody asks to end during the pause."""
        end = time.monotonic() + seconds
        while self._asked is None and time.monotonic() < end:
            time.sleep(0.1)
        return self._asked is not None
