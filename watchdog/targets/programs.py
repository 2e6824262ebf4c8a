"""Which program a process runs: for an interpreter, the script or module behind it."""

from __future__ import annotations

import re
from functools import lru_cache

from watchdog.model.process import Process
from watchdog.model.records import record
from watchdog.system import here

_PYTHON = re.compile(r"(python|pypy)w?(\d+(\.\d+)*)?[a-z]?(-\w+)?(\.exe)?", re.ASCII)
_SHELL = re.compile(r"-?(ba|da|a|z|fi|k|mk|c|tc|r|ya|oil|nu|po)?sh|pwsh|nu|xonsh|elvish|powershell(\.exe)?")
_OTHERS = frozenset({"node", "nodejs", "ruby", "perl", "php", "lua", "deno", "bun", "tclsh", "Rscript"})
_DELETED = " (deleted)"  # what the kernel adds to the path of a program that an upgrade replaced
# Options of the interpreter that take their value from the next word.
_PYTHON_VALUES = ("-X", "-W", "--check-hash-based-pycs")
# Modules and scripts that run another script in themselves: the script behind them is what is meant, too.
_CARRIERS = frozenset(
    {
        "pdb",
        "cProfile",
        "profile",
        "trace",
        "tracemalloc",
        "debugpy",
        "coverage",
        "viztracer",
        "memray",
        "scalene",
        "kernprof",
        "runpy",
        "hupper",
    }
)
TRACKERS = ("multiprocessing.resource_tracker", "multiprocessing.semaphore_tracker", "multiprocessing.forkserver")


@record(frozen=True)
class Program:
    """What runs. For `python -m uvicorn shop:app`: interpreter "python", name "uvicorn", rest ("shop:app",)."""

    name: str  # last path component of script, module or binary
    words: tuple[str, ...]  # what the name stands for and all behind it: ("uvicorn", "shop:app")
    interpreter: str = ""  # "python", "shell", another one's name, or empty
    inline: bool = False  # code from the command line (-c), standard input, or typed by a person
    titled: bool = False  # the process has rewritten its command line


def program(process: Process) -> Program:
    """What this process runs, from its command line; by the kernel's short name where that cannot be read."""
    return parse(process.words) if process.words else Program(process.name, (process.name,))


@lru_cache(maxsize=4096)  # a search asks the same of its own words for every process
def parse(words: tuple[str, ...]) -> Program:
    """The same from words alone; at least one."""
    first = last_part(words[0])
    if first == "busybox" and len(words) > 1:
        words, first = words[1:], words[1]
    if len(words) == 1 and " " in words[0].strip() and not here.is_absolute(words[0]):
        title = tuple(word for word in re.split(r"[\s\[\]()]+|:(?=\s|$)", words[0]) if word)
        return Program(title[0] if title else first, title, titled=True)
    if is_interpreter(first):
        return _python(words)
    if _SHELL.fullmatch(first):
        return _scripted(words, "shell")
    if first in _OTHERS:
        return _scripted(words, first)
    if first == "java" and "-jar" in words[:-1]:
        at = words.index("-jar") + 1
        return Program(last_part(words[at]), words[at:], "java")
    return Program(first, words)


def is_python(process: Process) -> bool:
    """Whether a Python interpreter runs in it, by its binary and libraries, else by the first word of its command."""
    name = exe_name(process)
    if name:
        return is_interpreter(name) or name in ("uwsgi", "uwsgi-core") or process.embeds_python
    return is_interpreter(process.cmdline[0] if process.cmdline else process.name)


def is_interpreter(word: str) -> bool:
    """Whether this is the name of a Python interpreter: "python", "/usr/bin/python3.11"."""
    return bool(_PYTHON.fullmatch(here.folded(last_part(word))))


def is_python_interpreter(process: Process) -> bool:
    """Whether its binary is a plain interpreter, which tells nothing about the program."""
    return is_interpreter(exe_name(process))


def exe_name(process: Process) -> str:
    """The name of the binary; empty if it cannot be read."""
    return last_part(plain(process.exe))


def same_program(one: Process, other: Process) -> bool:
    """Whether both run the same binary, also across an upgrade that deleted it."""
    return bool(one.exe and other.exe) and plain(one.exe) == plain(other.exe)


def is_forked(child: Process, parent: Process) -> bool:
    """Whether the child runs what its parent runs: a worker, a copy, the part of a reloader that serves."""
    if not same_program(child, parent) or not child.cmdline or not parent.cmdline:
        return False
    one, other = program(child), program(parent)
    return child.words == parent.words or (one.titled and other.titled and one.name == other.name)


def has_title(process: Process) -> bool:
    """Whether it has overwritten its command line: with a title, or with words that its binary cannot have been given.

    `gunicorn: master [shop:app]` in a Python interpreter, `uWSGI master`, `nginx: worker process`.
    """
    if not process.cmdline or not process.exe:
        return False
    if parse(process.cmdline).titled:
        return True
    return is_python_interpreter(process) and parse(process.cmdline).interpreter != "python"


def is_tracker(process: Process) -> bool:
    """A helper that Python's multiprocessing starts for itself, on behalf of its parent alone."""
    return any(name in word for word in (process.cmdline or ())[:6] for name in TRACKERS)


def is_shim(process: Process) -> bool:
    """wd's own process above a service that wd started."""
    words = (process.cmdline or ())[:8]
    return any(
        word.startswith("watchdog.system.shim") or here.slashes(word).endswith("watchdog/system/shim/program.py")
        for word in words
    )


def plain(exe: str | None) -> str:
    """The path of a binary, also after an upgrade that deleted it; empty if it could not be read."""
    return here.folded(exe or "").removesuffix(_DELETED)


def last_part(word: str) -> str:
    """What stands behind the last slash."""
    return here.slashes(word).rstrip("/").rpartition("/")[2]


def carried(found: Program) -> tuple[str, ...]:
    """The words behind a program that runs another script in itself (a debugger, a profiler); else nothing."""
    return found.words[1:] if found.interpreter == "python" and found.name.removesuffix(".py") in _CARRIERS else ()


def _python(words: tuple[str, ...]) -> Program:
    at = 1
    while at < len(words):
        word = words[at]
        if word in _PYTHON_VALUES:
            at += 2
            continue
        if word == "--":
            at += 1
            break
        if word.startswith("-") and word != "-" and not word.startswith("--"):
            # Short options may be joined: -Im NAME, -mNAME, -uc CODE.
            flag = re.search(r"[cm]", word[1:]) if not word.startswith(("-X", "-W")) else None
            if flag is None:
                at += 1
                continue
            value = word[flag.end() + 1 :]
            rest = words[at + 1 :] if value else words[at + 2 :]
            value = value or (words[at + 1] if at + 1 < len(words) else "")
            if flag[0] == "c":
                return Program("-c", ("-c", value, *rest), "python", inline=True)
            return Program(value, (value, *rest), "python")
        if word.startswith("--"):
            at += 1
            continue
        break
    if at >= len(words) or words[at] == "-":
        return Program(last_part(words[0]), words, "python", inline=True)
    return Program(last_part(words[at]), words[at:], "python")


def _scripted(words: tuple[str, ...], interpreter: str) -> Program:
    for at, word in enumerate(words[1:], 1):
        if word in ("-c", "-e", "--eval") or (interpreter == "shell" and re.fullmatch(r"-[a-z]*c", word)):
            return Program(last_part(words[0]), words[at:], interpreter, inline=True)
        if not word.startswith("-"):
            return Program(last_part(word), words[at:], interpreter)
    return Program(last_part(words[0]).lstrip("-"), words, interpreter, inline=True)
