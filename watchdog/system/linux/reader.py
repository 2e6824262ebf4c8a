"""Reads the files of a process that can block for ever, in a child that can be killed.

`/proc/PID/cmdline`, `environ`, `maps`, `exe` and `cwd` of a process that is stuck in the kernel may never come back,
and their reader is stuck as well, beyond any signal handler. The child answers one question after the other;
where it stalls, it is killed, that process counts as unreadable, and a new child goes on with the next one.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from watchdog.model.process import Identity
from watchdog.system.linux.answers import Answers, Stalled
from watchdog.system.linux.own_child import OwnChild

STALL = 0.3  # seconds without an answer after which the child counts as stuck
_REMEMBER = 10.0  # seconds for which a process that stalled a child is not asked again
_PIECE = 4000  # bytes of questions written at once: the smallest pipe takes them, so that writing never waits

# Runs with -I -S: nothing of the watched program's surroundings is imported. Answers are "length\n" and the bytes.
# Those to many questions leave together: at the end, and every 20 ms, so that the question that stalls is known.
_CHILD = r"""
import os, time, _thread
lock, answers = _thread.allocate_lock(), []
def send():
    with lock:
        text = b"".join(answers)
        answers.clear()
        while text:
            text = text[os.write(1, text):]
def beat(number):
    while True:
        time.sleep(0.02)
        if number != piece:
            return
        send()
def contents(path, most):
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = more = os.read(file, 4096)
        while more and len(text) < most:
            more = os.read(file, 65536)
            text += more
        return text
    finally:
        os.close(file)
def answer(pid, field):
    if field in (b"exe", b"cwd"):
        return os.readlink(b"/proc/" + pid + b"/" + field)
    if field == b"libpython":
        name = os.path.basename(os.readlink(b"/proc/" + pid + b"/exe"))
        if name.startswith((b"python", b"pypy")):
            return b""
        return b"yes" if b"/libpython" in contents(b"/proc/" + pid + b"/maps", 1 << 26) else b""
    return contents(b"/proc/" + pid + b"/" + field, 2097152)
piece, rest = 0, b""
while True:
    more = os.read(0, 65536)
    if not more:
        break
    *lines, rest = (rest + more).split(b"\n")
    if len(lines) > 1:
        _thread.start_new_thread(beat, (piece,))
    for line in lines:
        try:
            text = answer(*line.split())
            text = b"%d\n" % len(text) + text
        except OSError as error:
            text = b"-%d\n" % (error.errno or 1)
        with lock:
            answers.append(text)
    piece += 1
    send()
"""


class Question(NamedTuple):
    """One file of one process: cmdline, environ, exe or cwd; or whether a program of another name loads libpython."""

    identity: Identity
    field: str


class Reader:
    """Keeps one child and asks it; several threads take turns."""

    def __init__(self, stall: float = STALL, child: str = _CHILD) -> None:
        self._lock = threading.Lock()
        self._child = OwnChild([sys.executable, "-I", "-S", "-c", child], stall)
        self._stuck: dict[Identity, float] = {}

    def ask(self, questions: Iterable[Question], within: float) -> dict[Question, bytes]:
        """The files that could be read in `within` seconds; one that is missing was refused, is gone, or stalls."""
        end = time.monotonic() + within
        found: dict[Question, bytes] = {}
        if not self._lock.acquire(timeout=within):
            return found
        try:
            waiting = deque(one for one in questions if not self._stuck or not self._is_stuck(one.identity))
            while waiting and time.monotonic() < end:
                self._ask_piece(waiting, found, end)
        finally:
            self._lock.release()
        return found

    def begin(self) -> None:
        """Start the child: it is ready when the first question comes. Where none can be had, `ask` tells."""
        if self._lock.acquire(blocking=False):
            try:
                self._child.ready()
            except OSError:
                self._child.drop()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the child, if nobody is just asking it; otherwise it ends with this process."""
        if self._lock.acquire(timeout=0.2):
            try:
                self._child.drop()
            finally:
                self._lock.release()

    def _ask_piece(self, waiting: deque[Question], found: dict[Question, bytes], end: float) -> None:
        piece, text = _next_piece(waiting)
        try:
            questions, answers = self._child.ready()
            os.write(questions, text)
            for question in piece:
                answer = _answer(answers, end)
                waiting.popleft()
                if answer is not None:
                    found[question] = answer
        except OSError:
            # No child can be had (no memory, no descriptors, no pids): everything left stays unread.
            self._child.drop()
            waiting.clear()
        except Stalled:
            self._child.drop()
            if time.monotonic() < end:
                stuck = waiting.popleft().identity
                self._stuck[stuck] = time.monotonic()
                kept = [question for question in waiting if question.identity != stuck]
                waiting.clear()
                waiting.extend(kept)

    def _is_stuck(self, identity: Identity) -> bool:
        when = self._stuck.get(identity)
        if when is not None and time.monotonic() - when > _REMEMBER:
            del self._stuck[identity]
            when = None
        return when is not None


def _next_piece(waiting: deque[Question]) -> tuple[list[Question], bytes]:
    piece: list[Question] = []
    lines: list[bytes] = []
    size = 0
    for question in waiting:
        line = b"%d %b\n" % (question.identity.pid, question.field.encode("ascii"))
        size += len(line)
        if size > _PIECE:
            break
        piece.append(question)
        lines.append(line)
    return piece, b"".join(lines)


def _answer(answers: Answers, end: float) -> bytes | None:
    length = int(answers.line(end))
    return answers.exactly(length, end) if length >= 0 else None


_READER = Reader()
atexit.register(_READER.close)


def begin() -> None:
    """Start the one child of this program."""
    _READER.begin()


def ask(questions: Iterable[Question], within: float) -> Mapping[Question, bytes]:
    """Ask the one child of this program."""
    return _READER.ask(questions, within)
