"""Paths that a process was given: its folder, and those in its arguments and variables. Nothing is opened."""

from __future__ import annotations

from watchdog.system import here
from watchdog.system.disk.target_files import present
from watchdog.system.process import processes, rights

_MOST = 50
_WORDS = 500
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
    several = [_upwards(word, process.cwd) for word in words[:_WORDS]]
    there = present(rights.of(pid), (path for one in several for path in one))
    found = [process.cwd] if process.cwd else []
    found += [path for one in several for path in [next((path for path in one if path in there), "")] if path]
    return tuple(dict.fromkeys(found))[:_MOST]


def _upwards(word: str, folder: str | None) -> list[str]:
    """The path that a word names, and the folders above it; none if the word is not a path."""
    if not here.has_folder(word) or "://" in word or "\n" in word or len(word) > 1000:
        return []
    word = here.slashes(word)
    path = word if here.is_absolute(word) else f"{folder}/{word}" if folder else ""
    found: list[str] = []
    while path not in ("", "/") and len(found) <= _LEVELS:
        found.append(path)
        path = path.rpartition("/")[0]
    return found
