"""The calls of every Python thread of a process, by py-spy, without stopping it.

Always `--nonblocking`: py-spy then only reads the target's memory, so a target can neither be slowed nor be left
stopped, whatever becomes of py-spy or of us. One pid a call: with subprocesses it stops at the first child that is no
Python. Its failures are free text, so they are known by what the kernel says of the process.
"""

from __future__ import annotations

import json
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from watchdog.model.evidence import Frame, Gap, Local, Problem, StackLook, ThreadStack
from watchdog.model.process import Process
from watchdog.system import clock, here
from watchdog.system.child import commands
from watchdog.system.process import processes, rights
from watchdog.system.process import threads as kernel_threads
from watchdog.system.process.namespaces import thread_numbers
from watchdog.targets import programs

_OUTPUT = 32_000_000  # bytes of JSON: thousands of deep threads with their locals
_REPR = 200  # characters kept of a local's text
_MOST = 2000  # threads of one process that are kept: as many as are looked at in the kernel's own list


@lru_cache(maxsize=1)
def tracer() -> str | None:
    """py-spy of wd's own installation, never one from PATH: a root tool must not run what stands there."""
    for scheme in (
        sysconfig.get_path("scripts"),
        sysconfig.get_path("scripts", sysconfig.get_preferred_scheme("user")),
        Path(__file__).resolve().parents[2] / "bin",  # of a copy that was carried to this machine
    ):
        for name in ("py-spy", "py-spy.exe"):
            found = Path(scheme, name)
            if found.is_file():
                return str(found)
    return None


def dump(pid: int, at: float = 0.0, *, with_locals: bool = False, timeout: float = 3.0) -> StackLook:
    """One look at one process. A failure is in `error`, as one line."""
    begun = clock.monotonic()
    program = tracer()
    if program is None:
        return StackLook(pid, at, error="py-spy is not installed beside wd", problem="no-reader")
    words = [program, "dump", "--nonblocking", "--json", "--pid", str(pid)]
    if with_locals:
        words.insert(2, "--locals")
    done = commands.run(words, timeout=timeout, limit=_OUTPUT)
    took = clock.monotonic() - begun
    if done.timed_out:
        return StackLook(pid, at, error=f"py-spy gave no answer in {timeout:g} s", problem="late", seconds=took)
    threads = _parse(pid, done.output)
    if threads is None:
        problem, error = _reason(pid, done.output or done.error)
        return StackLook(pid, at, error=error, problem=problem, seconds=took)
    return StackLook(pid, at, threads, seconds=took)


def without_locals(look: StackLook) -> StackLook:
    """Locals can hold secrets: they are kept only where a person asked for them."""
    if not any(frame.locals for thread in look.threads for frame in thread.frames):
        return look
    bare = tuple(
        replace(one, frames=tuple(_shared(frame.function, frame.file, frame.line) for frame in one.frames))
        for one in look.threads
    )
    return replace(look, threads=bare)


def gap(process: Process, look: StackLook) -> Gap:
    """Why there are no stacks of this process, and what would get them."""
    remedy = ""
    if look.problem == "no-right":
        remedy = rights.remedy()
    elif look.problem == "no-reader":
        remedy = "pipx inject wd-oncall py-spy"
    elif look.problem == "reader-too-old":
        remedy = "pipx runpip wd-oncall install --upgrade py-spy"
    return Gap(f"stacks of {process.pid}", look.error or "", remedy)


def _parse(pid: int, text: str) -> tuple[ThreadStack, ...] | None:
    begin = 0 if text.startswith("[") else text.find("\n[") + 1
    try:
        rows, _ = json.JSONDecoder().raw_decode(text, begin)
    except ValueError:
        return None
    if not isinstance(rows, list):
        return None
    found = _most(pid, [_thread(pid, row) for row in rows if isinstance(row, dict)])
    ours = thread_numbers(pid)
    return tuple(_renumbered(one, ours) for one in found) if ours else found


def _most(pid: int, threads: list[ThreadStack]) -> tuple[ThreadStack, ...]:
    """Of thousands of threads those that run, and then the oldest."""
    if len(threads) <= _MOST:
        return tuple(threads)
    order = sorted(threads, key=lambda one: (not (one.active or one.holds_gil), one.tid != pid, one.tid or 0))
    return tuple(order[:_MOST])


def _renumbered(thread: ThreadStack, ours: Mapping[int, int]) -> ThreadStack:
    """A thread of another pid namespace, by the number it has in ours. py-spy compares its number inside with the
    kernel's threads, finds none, and calls every thread active: the kernel is asked again."""
    tid = ours.get(thread.tid or 0)
    return replace(thread, tid=tid, active=tid is not None and kernel_threads.is_runnable(thread.pid, tid))


def _thread(pid: int, row: Mapping[str, Any]) -> ThreadStack:
    tid = row.get("os_thread_id")
    return ThreadStack(
        pid=pid,
        tid=int(tid) if tid else None,
        ident=row.get("thread_id"),
        name=str(row.get("thread_name") or ""),
        frames=tuple(_frame(frame) for frame in row.get("frames") or ()),
        active=bool(row.get("active")) if kernel_threads.ACTIVE_IS_TOLD else None,
        holds_gil=bool(row.get("owns_gil")),
    )


def _frame(row: Mapping[str, Any]) -> Frame:
    locals_: Sequence[Mapping[str, Any]] = row.get("locals") or ()
    plain = _shared(
        str(row.get("name") or "?"), here.slashes(str(row.get("filename") or "?")), int(row.get("line") or 0)
    )
    if not locals_:
        return plain
    seen = tuple(
        Local(str(one.get("name")), int(one.get("addr") or 0), _short(one.get("repr")), bool(one.get("arg")))
        for one in locals_
    )
    return replace(plain, locals=seen)


@lru_cache(maxsize=20_000)
def _shared(function: str, file: str, line: int) -> Frame:
    """One record for all threads, and all looks, that stand there."""
    return Frame(function, file, line)


def _short(text: Any) -> str | None:
    return None if text is None else str(text)[:_REPR]


def _reason(pid: int, text: str) -> tuple[Problem, str]:
    """The kernel's facts first: py-spy says the same few things for very different reasons."""
    process = processes.read(pid)
    if process is None:
        return "gone", "the process is gone"
    if process.ended:
        return "gone", "the process has ended and was not reaped (zombie)"
    lowered = text.lower()
    if "permission" in lowered or "not permitted" in lowered:
        return "no-right", f"no right to read the memory of a process of {process.user}"
    if "find python version" in lowered and programs.is_python(process):
        return "reader-too-old", "this py-spy does not know this Python"
    if "find python version" in lowered or "failed to find a python" in lowered or "libpython" in lowered:
        return "no-python", "no Python interpreter in it"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return "moved", f"py-spy could not read it: {lines[0][:160]}" if lines else "py-spy could not read it"
