"""A child of ours that answers questions over a pipe, so that what blocks for ever blocks the child and not us."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Sequence

from watchdog.system import signals
from watchdog.system.linux.answers import Answers


class OwnChild:
    """Started when it is first needed, and again after its end. A fork of this process starts a child for itself.

    Not locked: its owner takes care that one thread uses it at a time.
    """

    def __init__(self, command: Sequence[str], stall: float) -> None:
        self._command, self._stall = command, stall
        self._child: subprocess.Popen[bytes] | None = None
        self._answers: Answers | None = None
        self._owner = 0  # the pid of the process that started it
        self._ended: list[subprocess.Popen[bytes]] = []  # not reaped yet

    @property
    def runs(self) -> bool:
        return self._child is not None

    def ready(self) -> tuple[int, Answers]:
        """Where to write questions (a descriptor), and where answers come; OSError where no child can be had."""
        self._ended = [child for child in self._ended if child.poll() is None]
        if self._child is None or self._owner != os.getpid() or self._child.poll() is not None:
            self.drop()
            # Its own session: its group can be ended whole, and the terminal's Ctrl-C does not reach it.
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                bufsize=0,
                start_new_session=True,
            )
            assert self._child.stdout is not None
            self._owner, self._answers = os.getpid(), Answers(self._child.stdout, self._child.pid, self._stall)
        assert self._child.stdin is not None and self._answers is not None
        self._answers.pid = self._child.pid
        return self._child.stdin.fileno(), self._answers

    def drop(self) -> None:
        """End it, if it is ours."""
        child, self._child, self._answers = self._child, None, None
        if child is None:
            return
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        if self._owner == os.getpid():
            # Not waited for: a child that is itself stuck in the kernel would hold us. It is reaped when it goes.
            signals.end_child(child, within=0.0)
            self._ended.append(child)
