"""The person at the console: whether there is one, and what is typed within a time."""

from __future__ import annotations

import contextlib
import msvcrt
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from watchdog.system import clock

_PAUSE = 0.05  # seconds between two looks at the keyboard
_LONGEST = 4096  # characters of a line
_ARROWS = {"H": "\x1b[A", "P": "\x1b[B", "I": "\x1b[5~", "Q": "\x1b[6~", "G": "\x1b[H", "O": "\x1b[F"}
_SPECIAL = ("\x00", "\xe0")  # begins a key that is not a character


def can_answer() -> bool:
    """Whether somebody can type an answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def columns(stream: TextIO) -> int:
    """How wide the console behind a stream is; 0 where there is none, or it does not tell."""
    try:
        return os.get_terminal_size(stream.fileno()).columns if stream.isatty() else 0
    except (OSError, ValueError, AttributeError):
        return 0


def forget_typed() -> None:
    """Before a question is printed: what was typed until now answers another one."""
    while msvcrt.kbhit():
        msvcrt.getwch()


def line_within(seconds: float, still: Callable[[], bool]) -> str | None:
    """What a person types; None if the time is over or `still` does not hold."""
    deadline, typed = clock.Deadline(seconds), ""
    while still() and not deadline.over:
        if not msvcrt.kbhit():
            time.sleep(_PAUSE)
            continue
        key = msvcrt.getwche()
        if key in "\r\n":
            return typed + "\n"
        typed = typed[:-1] if key == "\b" else (typed + key)[:_LONGEST]
    return None


def key_within(seconds: float) -> str | None:
    """The key that a person types; None if there was none in time."""
    deadline = clock.Deadline(seconds)
    while not deadline.over:
        if can_answer() and msvcrt.kbhit():
            key = msvcrt.getwch()
            return _ARROWS.get(msvcrt.getwch(), " ") if key in _SPECIAL else key
        time.sleep(_PAUSE)
    return None


@contextlib.contextmanager
def single_keys() -> Iterator[None]:
    """Keys are always read as they are typed here."""
    yield
