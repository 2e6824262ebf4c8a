"""The calls of every thread, innermost first, read while they run (or are stopped)."""

from __future__ import annotations

import struct
from itertools import islice

from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.objects import plausible
from watchdog.model.records import record
from watchdog.system.clock import Deadline
from watchdog.system.process.memory import Unmapped

_LEAST_THREADS, _MOST_THREADS, _DEEPEST = 200, 12_000, 500
_MOST_NAMES = 2000  # of threads, the oldest first
_LONGEST_LIST = 100_000  # threads; the interpreter lists the youngest first
_BY_GENERATOR, _BY_C = 1, 3  # who owns a frame; from the second on it is not a call


@record(frozen=True)
class LiveThread:
    """One thread of the interpreter."""

    ident: int
    tid: int | None  # the kernel's id; 3.10 does not keep it
    name: str
    frames: tuple[LiveFrame, ...]


def read_threads(frames: Frames, interpreter: int, deadline: Deadline | None = None) -> tuple[LiveThread, ...]:
    """The threads of one interpreter, as many as the time allows. What makes no sense (it changed while we looked) is
    left out."""
    offsets, memory = frames.offsets, frames.objects.memory
    found: list[LiveThread] = []
    names = _names(frames, interpreter)
    states = _states(frames, interpreter)
    for state in [*states[-1:], *states[:-1]][:_MOST_THREADS]:  # the main thread is the oldest
        if deadline is not None and deadline.over and len(found) >= _LEAST_THREADS:
            break
        try:
            ident = memory.word(state + offsets.thread_ident)
            tid = memory.word(state + offsets.thread_native) if offsets.thread_native is not None else None
        except Unmapped:
            continue
        found.append(LiveThread(ident, tid, names.get(ident, ""), _calls(frames, state)))
    return tuple(found)


def _states(frames: Frames, interpreter: int) -> list[int]:
    """Addresses of what the interpreter keeps of each thread."""
    offsets, memory = frames.offsets, frames.objects.memory
    found: dict[int, None] = {}
    try:
        state = memory.word(interpreter + offsets.interpreter_threads)
        while plausible(state) and state not in found and len(found) < _LONGEST_LIST:
            found[state] = None
            state = memory.word(state + offsets.thread_next)
    except Unmapped:
        pass
    return list(found)


def _calls(frames: Frames, thread: int) -> tuple[LiveFrame, ...]:
    offsets, memory = frames.offsets, frames.objects.memory
    found: list[LiveFrame] = []
    try:
        address = memory.word(thread + offsets.thread_frame)
        if offsets.thread_frame_inside is not None:
            address = memory.word(address + offsets.thread_frame_inside)
        for _ in range(_DEEPEST):
            if not plausible(address):
                break
            frame = _call(frames, address)
            if frame is not None:
                found.append(frame)
            address = memory.word(address + offsets.frame_previous)
    except Unmapped:
        pass
    return tuple(found)


def _call(frames: Frames, address: int) -> LiveFrame | None:
    offsets, memory = frames.offsets, frames.objects.memory
    if offsets.frame_owner is None:
        assert offsets.frame_generator is not None
        return frames.at(address, memory.word(address + offsets.frame_generator))
    owner = memory.read(address + offsets.frame_owner, 1)[0]
    if owner >= _BY_C:  # marks where C code called the interpreter; runs nothing
        return None
    return frames.at(address, address - offsets.generator_frame if owner == _BY_GENERATOR else 0)


def _names(frames: Frames, interpreter: int) -> dict[int, str]:
    """Names by ident."""
    objects, found = frames.objects, {}
    try:
        for ident, thread in active_threads(frames, interpreter).items():
            if (name := objects.attribute(thread, "_name")) is not None:
                found[ident] = objects.text(name) or ""
        return found
    except (Unmapped, struct.error):
        return {}


def active_threads(frames: Frames, interpreter: int) -> dict[int, int]:
    """Addresses of the `Thread` objects that live, by ident, as the `threading` module of the process keeps them; empty
    if it has not imported it."""
    objects = frames.objects
    try:
        modules = objects.word(interpreter + frames.offsets.interpreter_modules)
        threading = objects.lookup(modules, "threading")
        active = objects.attribute(threading, "_active") if threading else None
        entries = islice(objects.entries(active), _MOST_NAMES) if active else ()
        return {ident: value for key, value in entries if (ident := objects.number(key)) is not None}
    except (Unmapped, struct.error):
        return {}
