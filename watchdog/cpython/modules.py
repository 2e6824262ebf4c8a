"""What a program has imported, from its interpreter's own memory."""

from __future__ import annotations

from collections.abc import Collection

from watchdog.cpython.holdings import is_library
from watchdog.cpython.interpreter import Interpreter, attach
from watchdog.cpython.objects import Objects
from watchdog.cpython.offsets import MODULE_DICT
from watchdog.system.process.memory import Unmapped

_MOST_FILES = 200


def read_all(pids: tuple[int, ...], names: frozenset[str]) -> dict[int, tuple[tuple[str, ...], tuple[str, ...]]]:
    """For each pid with a readable interpreter: which of these modules it has, and the files of its own modules."""
    found = {}
    for pid in pids:
        with attach(pid) as interpreter:
            if isinstance(interpreter, Interpreter):
                try:
                    found[pid] = _read(interpreter, names)
                except Unmapped:
                    continue
    return found


def _read(interpreter: Interpreter, names: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    objects = interpreter.objects
    known: list[str] = []
    files: list[str] = []
    for one in interpreter.interpreters:
        for key, module in objects.entries(objects.word(one + objects.offsets.interpreter_modules)):
            name = objects.text(key) or ""
            if name in names:
                known.append(name)
            elif len(files) < _MOST_FILES and (file := _own_file(objects, module)):
                files.append(file)
    return tuple(known), tuple(files)


def _own_file(objects: Objects, module: int) -> str:
    """Where a module of the application lies; empty for one of a library, or without a file."""
    try:
        if objects.kind(module) != "module":
            return ""
        at = objects.lookup(objects.word(module + MODULE_DICT), "__file__")
    except Unmapped:
        return ""
    file = (objects.text(at) if at else None) or ""
    return "" if is_library(file) else file
