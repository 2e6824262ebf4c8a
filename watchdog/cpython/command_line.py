"""The command line that an interpreter was started with, from its own memory: a title does not change it there."""

from __future__ import annotations

from watchdog.cpython.interpreter import Interpreter, attach
from watchdog.system.process.memory import Unmapped

_MOST = 1000  # words


def read_all(pids: tuple[int, ...]) -> dict[int, tuple[str, ...]]:
    """For each pid that runs a readable Python interpreter with arguments of its own."""
    found = {}
    for pid in pids:
        with attach(pid) as interpreter:
            words = _original(interpreter) if isinstance(interpreter, Interpreter) else ()
        if words:
            found[pid] = words
    return found


def _original(interpreter: Interpreter) -> tuple[str, ...]:
    """`sys.orig_argv`; empty where it is missing or not a list of texts."""
    objects = interpreter.objects
    try:
        modules = objects.word(interpreter.interpreters[0] + objects.offsets.interpreter_modules)
    except Unmapped:
        return ()
    system = objects.lookup(modules, "sys")
    listed = objects.attribute(system, "orig_argv") if system else None
    words = [objects.text(item) for item in objects.items(listed)[:_MOST]] if listed else []
    return tuple(word for word in words if word is not None) if None not in words else ()
