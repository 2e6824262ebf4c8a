"""Which processes a person means by a command line.

Words are compared with whole words of the command line, never with parts of the joined text: "server.py" is not
`vim server.py`, not `tail -f server.py.log`, not `observer.py`. The first word has to be the program itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence

from watchdog.model.process import Process
from watchdog.system import here
from watchdog.system.process.table import CommandLine
from watchdog.targets import borders, programs
from watchdog.targets.frameworks import serves_named_app

_LONG_ENOUGH = 40  # characters of a text that was cut off, to mean one program
_WD = ("wd", "wd-oncall", "watchdog.cli", "watchdog.cli.main")


def by_words(words: Sequence[str], processes: Iterable[Process]) -> tuple[list[Process], list[str]]:
    """Those whose program and arguments are these words, in this order; and whom a forged command line leaves out."""
    found: list[Process] = []
    left_out: list[str] = []
    for process in processes:
        named = runs(tuple(words), process.words, process.cwd, process.exe) or is_shown_as(words, process)
        if not (named or _is_binary(words, process)):
            continue
        forged = why_not_believed(process)
        if forged:
            left_out.append(f"pid {process.pid} ({process.shown(120)}) {forged}")
        else:
            found.append(process)
    return found, left_out


def by_pattern(pattern: str, processes: Iterable[Process]) -> tuple[list[Process], list[str]]:
    """Those whose joined command line has the pattern; and who was left out because it only names a program.

    WrongUsage for a pattern that cannot be used.
    """
    from watchdog.system.child import patterns  # here: most searches are by words

    asked = [process for process in processes if process.cmdline]
    shown = set(patterns.search(pattern, [process.command for process in asked]))
    renamed = [at for at, process in enumerate(asked) if process.original]
    started = patterns.search(pattern, [" ".join(asked[at].words) for at in renamed]) if renamed else ()
    hits = [asked[at] for at in sorted(shown | {renamed[at] for at in started})]
    found: list[Process] = []
    left_out: list[str] = []
    for process in hits:
        reason = why_not_believed(process) or _why_only_named(process)
        if reason:
            left_out.append(f"pid {process.pid} ({process.shown(120)}) {reason}")
        else:
            found.append(process)
    return found, left_out


def may_mean(words: Sequence[str], line: CommandLine) -> bool:
    """Whether `by_words` could take a process that is shown like this. False is certain; True has to be looked at."""
    if not line.words or _may_be_renamed(line) or _is_text_of(words, line.words):
        return True
    asked = programs.parse(tuple(words))
    if asked.interpreter and asked.words == tuple(words):  # every program that it runs
        return True
    if any(other.rstrip("/")[-1:] in ("", ".") for other in line.words):  # a folder by another name
        return True
    text = "\0".join(line.words)
    return all(programs.last_part(word) in text for word in (asked.words if asked.interpreter else words))


def may_fit(pattern: str, lines: Mapping[int, CommandLine]) -> list[int]:
    """Those that `by_pattern` could take, likewise."""
    from watchdog.system.child import patterns

    shown = [pid for pid, line in lines.items() if line.words]
    hits = {shown[at] for at in patterns.search(pattern, [" ".join(lines[pid].words or ()) for pid in shown])}
    return [pid for pid in shown if pid in hits or _may_be_renamed(lines[pid])]


def _may_be_renamed(line: CommandLine) -> bool:
    """Whether its command line may be a title, so that it was started with other words."""
    if not line.words or not line.exe:
        return False
    there = programs.parse(line.words)
    return there.titled or (there.interpreter != "python" and programs.is_interpreter(programs.plain(line.exe)))


def is_shown_as(words: Sequence[str], process: Process) -> bool:
    """Whether these words are the whole text that process lists show for it, cut off with "…" or not.

    So whatever `wd ps` prints can be given back, also a title that the process has given itself.
    """
    return _is_text_of(words, (process.command,))


def _is_text_of(words: Sequence[str], command: Sequence[str]) -> bool:
    asked, shown = (" ".join(" ".join(one).split()) for one in (words, command))
    if asked.endswith("…"):
        return len(asked) > _LONG_ENOUGH and shown.startswith(asked[:-1])
    return " " in asked and asked == shown


def _is_binary(words: Sequence[str], process: Process) -> bool:
    """Whether one word names its binary, where a title stands in the place of all its words: uWSGI, nginx."""
    if len(words) != 1 or process.original or not programs.has_title(process):
        return False
    return not programs.is_python_interpreter(process) and programs.exe_name(process) == programs.last_part(words[0])


def why_not_believed(process: Process) -> str:
    """A process can write anything into its command line: a Python program that calls itself sshd is not believed.

    One whose original command line is known is judged by that.
    """
    if process.original:
        return ""
    found = programs.program(process)
    binary = programs.exe_name(process)
    if found.interpreter or not process.cmdline or not binary:
        return ""
    if programs.is_interpreter(binary):
        known = found.titled and serves_named_app(found.name)
        return "" if known else f"calls itself {found.name!r} and runs {binary}"
    return ""


def runs(words: tuple[str, ...], command: tuple[str, ...], cwd: str | None = None, exe: str | None = None) -> bool:
    """Whether a command line is a call of the program that these words mean."""
    if not command or not words:
        return False
    there = programs.parse(command)
    asked = programs.parse(words)
    if asked.interpreter and asked.interpreter == there.interpreter:
        if not _same_interpreter(words[0], command[0], exe):
            return False
        if asked.words == words:
            return True  # the interpreter alone was named: every program that it runs
        words = asked.words
    elif _same(words[0], command[0], cwd):
        return _follow(words[1:], command[1:], cwd)
    if _starts(words, there.words, cwd):
        return True
    # "shop:app" alone names the application that a server program was told to serve.
    if ":" in words[0] and serves_named_app(there.name):
        return _follow(words, there.words[1:], cwd)
    # A debugger or profiler runs the script that stands somewhere behind it.
    behind = programs.carried(there)
    return any(_starts(words, behind[at:], cwd) for at in range(len(behind)))


def _starts(words: tuple[str, ...], there: tuple[str, ...], cwd: str | None) -> bool:
    return bool(there) and _same(words[0], there[0], cwd) and _follow(words[1:], there[1:], cwd)


def _follow(words: tuple[str, ...], there: tuple[str, ...], cwd: str | None) -> bool:
    """Whether the words are found in this order; others may stand between them."""
    rest = iter(there)
    return all(any(_same(word, other, cwd) for other in rest) for word in words)


def _same(word: str, other: str, cwd: str | None) -> bool:
    """A whole word, or its last path components; a full path also names what was started relative to its folder."""
    word, other = here.folded(word), here.folded(other)
    if word.removeprefix("./") == other.removeprefix("./"):
        return bool(word)
    if here.is_absolute(word):
        relative = bool(cwd) and not here.is_absolute(other) and not other.startswith("-")
        return relative and here.folded(os.path.normpath(f"{cwd}/{other}")) == word
    return bool(word) and other.endswith("/" + word.removeprefix("./"))


def _same_interpreter(word: str, other: str, exe: str | None) -> bool:
    """The word "python" means any Python, "python3.11" only that one, a path only that one, under all its names."""
    if here.is_absolute(word):
        real = exe is not None and here.folded(os.path.realpath(word)) == here.folded(exe)
        return real or here.folded(word) == here.folded(other)
    if here.has_folder(word):
        return here.folded(word) == here.folded(other)
    return here.folded(programs.last_part(other)).startswith(here.folded(word))


def _why_only_named(process: Process) -> str:
    if any(_runs_wd(word) for word in process.cmdline or ()) or programs.program(process).name in _WD:
        return "matches only as a command line of wd"
    if borders.is_bystander(process):
        return "only names the program"
    if borders.is_shell(process) and (process.terminal or programs.program(process).inline):
        return "is a shell"
    return ""


def _runs_wd(word: str) -> bool:
    """Whether a word (of `sh -c`, of sudo, of a scheduler) is itself a command line of wd."""
    parts = [programs.last_part(part.strip("'\";&|()")) for part in word.split()]
    return any(part in _WD for part in parts[:-1])
