"""Each process of a server at one moment: state, memory, descriptors, and the kernel's word on every thread."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from watchdog.model.evidence import ProcessLook
from watchdog.model.process import Process
from watchdog.system.host import machine
from watchdog.system.process import descriptors, processes, threads


def look(known: Iterable[Process], at: float) -> tuple[ProcessLook, ...]:
    """Look once at each process that is still the same one; `known` supplies what does not change."""
    found = []
    for before in known:
        process = processes.read(before.pid)
        if process is None or process.identity != before.identity:
            continue
        found.append(
            ProcessLook(
                at=at,
                process=_with_command(process, before),
                threads=() if process.ended else threads.look(process.pid),
                descriptors=descriptors.count(process.pid),
                descriptor_limit=descriptors.limit(process.pid),
                memory_limit=machine.address_limit(process.pid),
                transferred=processes.transferred(process.pid),
            )
        )
    return tuple(found)


def _with_command(process: Process, known: Process) -> Process:
    """The command line is not read again: that can hang, and it was read when the server was found."""
    return replace(process, cmdline=known.cmdline, exe=known.exe, cwd=known.cwd)


def with_memory(one: ProcessLook) -> ProcessLook:
    """The same look with what the system calls' arguments in the process's memory tell."""
    return replace(one, threads=tuple(map(threads.with_memory, one.threads)))
