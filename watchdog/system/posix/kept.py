"""A child behind pipes of ours, started by a keeper (`keeper.py`) so that nothing of it outlives this process."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
from collections.abc import Mapping, Sequence

from watchdog.model.process import Identity
from watchdog.system.child import interpreter
from watchdog.system.posix import keeper
from watchdog.system.posix.accounts import PATH
from watchdog.system.process import processes
from watchdog.system.shim.line import Line
from watchdog.system.signals import end_child

_END_WITHIN = 15.0  # seconds for the keeper to end everything and go


class KeptChild:
    """One life of a child. Our ends of its pipes never block; each is closed with `close_*` or at `release`."""

    def __init__(self, command: Sequence[str], cwd: str | None, env: Mapping[str, str]) -> None:
        """Spawns the keeper; `look` tells when the child runs. OSError if the system refuses it."""
        theirs_in, self.stdin = os.pipe()
        self.stdout, theirs_out = os.pipe()
        self.stderr, theirs_err = os.pipe()
        ours, theirs = socket.socketpair()
        self.identity: Identity | None = None
        self.code: int | None = None  # as subprocess has it: negative for a signal
        self.problem = ""  # why it could not be started
        self.gone = False  # nothing of it is left, and the keeper has gone
        self._line = Line(ours)
        for descriptor in (self.stdin, self.stdout, self.stderr):
            os.set_blocking(descriptor, False)
        try:
            self._keeper = subprocess.Popen(
                interpreter.command("watchdog.system.posix.keeper:main", str(theirs.fileno())),
                stdin=theirs_in,
                stdout=theirs_out,
                stderr=theirs_err,
                pass_fds=(theirs.fileno(),),
                env={"PATH": PATH},
                start_new_session=True,
            )
        except BaseException:
            self._close(self.stdin, self.stdout, self.stderr)
            ours.close()
            raise
        finally:
            self._close(theirs_in, theirs_out, theirs_err)
            theirs.close()
        self._line.send(command=list(command), cwd=cwd or os.getcwd(), env=dict(env))  # noqa: PTH109

    @property
    def events(self) -> int:
        """Readable when `look` has something new."""
        return self._line.fileno()

    @property
    def ended(self) -> bool:
        return self.code is not None or self.gone

    def look(self) -> None:
        """Take what the keeper has told. A keeper gone without a word was killed: the kernel ended the child."""
        try:
            while not self.gone and (message := self._line.receive(0)):
                if message["event"] == "started":
                    self.identity = Identity(processes.boot_id(), message["pid"], message["ticks"])
                elif message["event"] == "failed":
                    self.problem = message["why"]
                elif message["event"] == "ended":
                    self.code = message["code"]
                else:
                    self.gone = True
        except EOFError:
            self.gone = True

    def end(self, grace: float) -> None:
        """SIGTERM to all of it, SIGKILL after the grace. `look` tells when it is done."""
        if not self.gone:
            self._line.send(grace=grace)

    @property
    def reads_no_more(self) -> bool:
        """Whether it has closed its standard input, also while nothing is written to it."""
        if self.stdin < 0:
            return False
        watcher = select.poll()
        watcher.register(self.stdin, 0)
        return bool(watcher.poll(0))

    def close_stdin(self) -> None:
        self.stdin = self._closed(self.stdin)

    def close_output(self) -> None:
        self.stdout, self.stderr = self._closed(self.stdout), self._closed(self.stderr)

    def release(self) -> list[int]:
        """After the end: close everything, reap, and end what came to us because the keeper was killed.

        Gives the pids that could not be ended. No other child of this process may be wanted at that moment.
        """
        self.close_stdin()
        self.close_output()
        self._line.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._keeper.wait(_END_WITHIN)
        end_child(self._keeper)
        left = keeper.end_descendants(os.getpid(), _END_WITHIN)
        self._reap()
        return left

    def _reap(self) -> None:
        """Take away the orphans that ended as our children."""
        for pid, process in processes.table().items():
            if process.parent == os.getpid() and process.ended:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def _closed(self, descriptor: int) -> int:
        self._close(descriptor)
        return -1

    @staticmethod
    def _close(*descriptors: int) -> None:
        for descriptor in descriptors:
            if descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.close(descriptor)
