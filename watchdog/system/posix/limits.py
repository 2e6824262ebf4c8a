"""The limits that a playbook asks for (`start.limits`): memory, open files, priority.

Memory is bounded for the whole service by a control group. Where none can be made, each process by itself is bounded
by RLIMIT_DATA: what it allocates, not what it maps.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator, Sequence

from watchdog.model.playbook import Limits
from watchdog.system.process import processes
from watchdog.system.process.groups import MemoryGroup

_NO_MEMORY = ("MemoryError", "Cannot allocate memory", "std::bad_alloc", "out of memory")
_NO_FILES = ("Too many open files", "[Errno 24]", "EMFILE")


class StartLimits:
    """For all starts of one shim."""

    def __init__(self, limits: Limits, service: str) -> None:
        self._limits, self._service = limits, service
        self._group: MemoryGroup | None = None
        self.notice = ""  # why memory is bounded for each process by itself

    def __bool__(self) -> bool:
        return self._limits != Limits()

    @contextlib.contextmanager
    def while_starting(self) -> Iterator[None]:
        """What is started inside gets what its parent alone can give: the group, and more than a user may ask for."""
        files, priority = resource.getrlimit(resource.RLIMIT_NOFILE), os.getpriority(os.PRIO_PROCESS, 0)
        wanted, nice = self._limits.open_files or 0, self._limits.nice
        try:
            self._join_a_group()
            if files[1] != resource.RLIM_INFINITY and wanted > files[1]:
                _raise_files(wanted)
            if nice is not None and nice < priority:
                _raise_priority(nice)
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, files)
            os.setpriority(os.PRIO_PROCESS, 0, priority)
            if self._group is not None:
                self._group.leave()

    def in_child(self) -> None:
        """Between fork and exec, with the rights of the service's user."""
        if self._limits.memory and self._group is None:
            resource.setrlimit(resource.RLIMIT_DATA, (self._limits.memory, self._limits.memory))
        if (files := self._limits.open_files) is not None:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        if self._limits.nice is not None:
            os.setpriority(os.PRIO_PROCESS, 0, self._limits.nice)

    def reached(self, code: int, lines: Sequence[str]) -> str:
        """The limit at which the service has ended: the name of its key; empty if it was another reason."""
        if code == 0:
            return ""
        killed = self._group is not None and self._group.has_killed
        if self._limits.memory and (killed or _says(lines, _NO_MEMORY)):
            return "memory"
        return "open_files" if self._limits.open_files and _says(lines, _NO_FILES) else ""

    def close(self) -> None:
        """No process of the service is left."""
        if self._group is not None:
            self._group.remove()

    def _join_a_group(self) -> None:
        if not self._limits.memory:
            return
        try:
            self._group = self._group or MemoryGroup(self._service, self._limits.memory, _lives)
            self._group.join()
        except (OSError, ValueError) as error:
            self._group = None
            self.notice = (
                f"wd: start.limits.memory bounds each process by itself: no control group could be made: {error}"
            )


def problems(limits: Limits) -> Iterator[str]:
    """What cannot be asked for here with our rights, one sentence each."""
    files, nice = limits.open_files or 0, limits.nice
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and files > hard and not _may(_raise_files, files):
        yield f"start.limits.open_files: at most {hard} is allowed here (ulimit -Hn); write less"
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    before = os.getpriority(os.PRIO_PROCESS, 0)
    if nice is not None and nice < before and not _may(_raise_priority, nice):
        yield f"start.limits.nice: only root may raise the priority from {before} to {nice}; write {before} or more"
    os.setpriority(os.PRIO_PROCESS, 0, before)


def _may(try_it: Callable[[int], None], value: int) -> bool:
    try:
        try_it(value)
    except (OSError, ValueError):
        return False
    return True


def _raise_files(files: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))


def _raise_priority(nice: int) -> None:
    os.setpriority(os.PRIO_PROCESS, 0, nice)


def _says(lines: Sequence[str], words: Sequence[str]) -> bool:
    return any(word in line for line in lines for word in words)


def _lives(pid: int) -> bool:
    return processes.read(pid) is not None
