"""Paths that a process was told: its folder, and those in its arguments and variables. Nothing is opened."""

from __future__ import annotations

import os
from collections.abc import Iterator

from watchdog.system.process import processes

_MOST = 50
_LEVELS = 4  # so many folders at the end of a path may still have to be made
_SECONDS = 0.5
# Of the shell that started it, not of what it works on.
_NOT_ITS_OWN = frozenset({"_", "SHELL", "PATH", "PWD", "OLDPWD", "HOME", "XDG_RUNTIME_DIR"})


def named_paths(pid: int) -> tuple[str, ...]:
    """Each is there, or is the nearest folder above one that is not."""
    process = processes.read(pid)
    if process is None:
        return ()
    process = processes.with_commands([process], within=_SECONDS).get(pid, process)
    variables = processes.environment(pid, within=_SECONDS) or {}
    words = [word.partition("=")[2] if word.startswith("-") and "=" in word else word for word in process.cmdline or ()]
    words += [value for name, value in variables.items() if name not in _NOT_ITS_OWN]
    found = [process.cwd] if process.cwd else []
    found += [there for word in words for there in _there(word, process.cwd)]
    return tuple(dict.fromkeys(found))[:_MOST]


def _there(word: str, folder: str | None) -> Iterator[str]:
    if "/" not in word or "://" in word or "\n" in word or len(word) > 1000:
        return
    path = word if word.startswith("/") else f"{folder}/{word}" if folder else ""
    for _ in range(_LEVELS):
        if path in ("", "/") or os.path.lexists(path):
            break
        path = path.rpartition("/")[0]
    if path not in ("", "/") and os.path.lexists(path):
        yield path
