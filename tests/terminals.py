"""`wd` at a terminal of its own, as a person sits before it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from watching import WD, calm

# The terminal becomes the one that the program belongs to, as a login does it.
_ENTER = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


class Terminal:
    """One program in the foreground of a terminal of 30 lines with 100 columns."""

    def __init__(self, argv: tuple[str, ...], env: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(30, 100)
        kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ENTER, *argv],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**kept, "TERM": "xterm-256color", **env},
        )
        os.close(theirs)
        self.shown = ""
        self._over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self._over:
            if not select.select([self._ours], [], [], 0.2)[0]:
                continue
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # nobody has the other end any more
                return
            self.shown += data.decode(errors="replace")

    def shows(self, text: str, limit: float = 60.0) -> None:
        """Wait until it stands there."""
        end = time.monotonic() + limit
        while text not in self.shown:
            assert time.monotonic() < end, f"it never showed {text!r}:\n{self.shown}"
            assert self.process.poll() is None or text in self.shown, f"it ended:\n{self.shown}"
            time.sleep(0.05)

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        self._over = True
        self._reader.join(30)
        os.close(self._ours)


@contextlib.contextmanager
def terminal(
    home: Path, *words: str, through: tuple[str, ...] = (), env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """`wd WORDS` on a home; `through` is a program that is given wd's command line as its last words."""
    made = Terminal((*through, *WD, "--home", str(home), *words), {**calm(home), **(env or {})})
    try:
        yield made
    finally:
        made.close()
        print(f"--- the terminal\n{made.shown}")  # shown where a test fails
