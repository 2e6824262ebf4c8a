"""Tasks that ended with an exception. asyncio tells of it in the log only when nobody refers to the task any more."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from itertools import islice

from watchdog.cpython.frames import Frames
from watchdog.cpython.linetable import position
from watchdog.cpython.objects import plausible
from watchdog.model.evidence import FailedTask, Frame
from watchdog.system.process.memory import Unmapped

_TASK = "_asyncio.Task"
_FINISHED = 2  # asyncio's number for a future that has a result or an exception
_EXCEPTION = 48  # where a future keeps its exception, in 3.10 to 3.14 (Modules/_asynciomodule.c)
_TRACEBACK = {"3.10": 32}  # where an exception keeps its traceback; 3.11 put a place for notes before it
_LATER_TRACEBACK = 40
_NEXT, _FRAME, _INSTRUCTION = 16, 24, 32  # of a traceback
_MOST, _DEEPEST = 20_000, 50


def failed_tasks(frames: Frames, pid: int, addresses: Iterable[int]) -> tuple[FailedTask, ...]:
    """Of the tasks at these addresses, in their order."""
    found = (_failed(frames, pid, address) for address in islice(addresses, _MOST))
    return tuple(one for one in found if one is not None and one.frames)


def _failed(frames: Frames, pid: int, task: int) -> FailedTask | None:
    objects, offsets = frames.objects, frames.offsets
    try:
        if not objects.derives(objects.type_of(task), _TASK):
            return None
        if struct.unpack("<i", objects.memory.read(task + offsets.task_state, 4))[0] != _FINISHED:
            return None
        error = objects.word(task + _EXCEPTION)
        if not plausible(error) or objects.kind(error) == "NoneType":
            return None
        trace = objects.word(error + _TRACEBACK.get(offsets.version, _LATER_TRACEBACK))
        return FailedTask(pid, objects.full_kind(error), _calls(frames, trace))
    except Unmapped:
        return None


def _calls(frames: Frames, trace: int) -> tuple[Frame, ...]:
    """Where the exception came through, innermost first; as far as it reads."""
    objects, offsets = frames.objects, frames.offsets
    found: list[Frame] = []
    while len(found) < _DEEPEST and plausible(trace) and objects.kind(trace) == "traceback":
        inner = frames.inside(objects.word(trace + _FRAME))
        code = frames.code(frames.referred(objects.word(inner + offsets.frame_code)))
        if code is None:
            break
        at = struct.unpack("<i", objects.memory.read(trace + _INSTRUCTION, 4))[0]
        line = position(code.table, code.first_line, at, offsets.version).line
        found.insert(0, Frame(code.qualified, code.file, line))
        trace = objects.word(trace + _NEXT)
    return tuple(found)
