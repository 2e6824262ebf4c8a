"""The person at the terminal: whether there is one, and what is typed within a time."""

from __future__ import annotations

import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from typing import TextIO

from watchdog.system import clock

_PAUSE = 0.2  # seconds between two looks whether the question still stands
_LONGEST = 4096  # bytes of a line that a terminal gives at once


def can_answer() -> bool:
    """Whether somebody can type an answer. In the background of a shell a mere look at the keyboard would stop us."""
    if sys.stdin is None or not sys.stdin.isatty():
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return True  # a terminal, though not ours: nobody stops us there


def columns(stream: TextIO) -> int:
    """How wide the terminal behind a stream is; 0 where there is none, or it does not tell."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError, AttributeError):
        return 0


def forget_typed() -> None:
    """Before a question is printed: what was typed until now answers another one."""
    with contextlib.suppress(termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


def line_within(seconds: float, still: Callable[[], bool]) -> str | None:
    """What a person types; None if the time is over or `still` does not hold. The end of input is an empty line."""
    keyboard, deadline = sys.stdin.fileno(), clock.Deadline(seconds)
    while still() and not deadline.over:
        ready, _, _ = select.select([keyboard], [], [], min(_PAUSE, deadline.left))
        if ready:
            try:
                return os.read(keyboard, _LONGEST).decode(errors="replace")
            except OSError:
                return ""
    return None


def key_within(seconds: float) -> str | None:
    """The key that a person types; None if there was none in time. The end of input is an empty one."""
    if not sys.stdin.isatty():
        time.sleep(seconds)
        return None
    keyboard = sys.stdin.fileno()
    if not select.select([keyboard], [], [], seconds)[0]:
        return None
    return os.read(keyboard, 64).decode(errors="replace")


@contextlib.contextmanager
def single_keys() -> Iterator[None]:
    """Keys are read as they are typed and are not shown; Ctrl-C stays Ctrl-C."""
    if not sys.stdin.isatty():
        yield
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    try:
        tty.setcbreak(keyboard)
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
