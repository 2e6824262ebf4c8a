"""Work that may block beyond any signal, done in a child that can be killed at a deadline.

The child is a bare interpreter without site packages, so what it runs may import only the standard library and those of
our modules that need no more. Question and answer are pickled records between us and a child of our own making.
"""

from __future__ import annotations

import base64
import importlib
import sys
from typing import Any

from watchdog.model.records import record

_LARGEST = 256 * 1024 * 1024  # bytes of an answer


@record(frozen=True)
class NotDone:
    """Why there is no answer."""

    reason: str


def call(function: str, arguments: tuple[Any, ...], seconds: float) -> Any | NotDone:
    """What "package.module:function" gives for these arguments; NotDone after so many seconds, or with its error."""
    import pickle  # here and below: most commands need no child

    from watchdog.system.child import (  # not for the child, which starts in half the time without them
        commands,
        interpreter,
    )

    done = commands.run(
        interpreter.command("watchdog.system.child.child_call:serve", function),
        timeout=seconds,
        cwd="/",
        env={},
        limit=_LARGEST,
        stdin=pickle.dumps(arguments),
    )
    if done.timed_out:
        return NotDone(f"no answer within {seconds:g} s")
    *_, last = done.output.splitlines() or [""]
    if not done.ok:
        return NotDone(done.error or last[:300] or "the child ended without an answer")
    try:
        return pickle.loads(base64.b64decode(last, validate=True))
    except Exception as error:  # noqa: BLE001  (an answer that was cut off can be anything)
        return NotDone(f"the answer cannot be read: {error}")


def serve() -> None:
    """The child's side."""
    import pickle

    module, _, name = sys.argv[-1].partition(":")
    arguments = pickle.loads(sys.stdin.buffer.read())
    found = getattr(importlib.import_module(module), name)(*arguments)
    sys.stdout.buffer.write(base64.b64encode(pickle.dumps(found)) + b"\n")
    sys.stdout.buffer.flush()
