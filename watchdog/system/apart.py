"""Work that may block beyond any signal, done in a child that can be killed at a deadline.

The child is a bare interpreter (no site packages, nothing of the environment), so what it runs may import only the
standard library and the light rooms of ours. What it gives back comes through a pipe of our own making, pickled.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from watchdog.system.clock import Deadline

_ROOT = str(Path(__file__).resolve().parents[2])
_CHILD = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib, pickle
module, _, name = sys.argv[2].partition(":")
arguments = pickle.loads(sys.stdin.buffer.read())
found = getattr(importlib.import_module(module), name)(*arguments)
sys.stdout.buffer.write(pickle.dumps(found))
sys.stdout.buffer.flush()
"""
_LARGEST = 256 * 1024 * 1024
_PATIENCE = 0.2  # seconds for a killed child to be gone
_ended: list[subprocess.Popen[bytes]] = []
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class NotDone:
    """Why there is no answer."""

    reason: str


def call(function: str, arguments: tuple[Any, ...], seconds: float) -> Any | NotDone:
    """What "package.module:function" gives for these arguments, or NotDone after so many seconds at the latest.

    Arguments and answer are plain records. The child's own error ends up in NotDone as its last line.
    """
    deadline = Deadline(seconds)
    try:
        child = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _CHILD, _ROOT, function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd="/",
            env={},
            start_new_session=True,  # the terminal's Ctrl-C is not meant for it
        )
    except OSError as error:
        return NotDone(f"no child process could be started: {error.strerror}")
    try:
        answer, complaint = _talk(child, pickle.dumps(arguments), deadline)
    finally:
        _drop(child)
    if answer is None:
        return NotDone(f"no answer within {seconds:g} s")
    if not answer:
        lines = complaint.decode("utf-8", "backslashreplace").strip().splitlines()
        return NotDone(lines[-1][:300] if lines else "the child ended without an answer")
    try:
        return pickle.loads(answer)
    except Exception as error:  # noqa: BLE001  (an answer cut off by a kill can be anything)
        return NotDone(f"the answer was cut off: {error}")


def _talk(child: subprocess.Popen[bytes], question: bytes, deadline: Deadline) -> tuple[bytes | None, bytes]:
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    out, err = child.stdout.fileno(), child.stderr.fileno()
    into = child.stdin.fileno()
    os.set_blocking(into, False)
    gathered: dict[int, list[bytes]] = {out: [], err: []}
    size = 0
    poll = select.poll()  # not select(): its descriptors end at 1024
    poll.register(out, select.POLLIN)
    poll.register(err, select.POLLIN)
    poll.register(into, select.POLLOUT)
    waiting = {out, err}
    while waiting:
        ready = poll.poll(deadline.left * 1000)
        if not ready or size > _LARGEST:
            return None, b""
        for descriptor, _event in ready:
            if descriptor == into:
                with contextlib.suppress(OSError):
                    question = question[os.write(into, question) :] if question else question
                if not question:
                    poll.unregister(into)
                    child.stdin.close()
                continue
            piece = os.read(descriptor, 1 << 20)
            size += len(piece)
            if piece:
                gathered[descriptor].append(piece)
            else:
                poll.unregister(descriptor)
                waiting.discard(descriptor)
    return b"".join(gathered[out]), b"".join(gathered[err])


def _drop(child: subprocess.Popen[bytes]) -> None:
    """End it, hardly waiting: a child that is itself stuck in the kernel would hold us. It is reaped when it goes."""
    for pipe in (child.stdin, child.stdout, child.stderr):
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.close()
    with contextlib.suppress(OSError):
        child.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(_PATIENCE)
    with _lock:
        _ended[:] = [one for one in [*_ended, child] if one.poll() is None]
