"""Is this the program that a playbook means? The one place that answers it, for everybody who asks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Literal

from watchdog.model.playbook import Playbook
from watchdog.model.process import Process, Tree
from watchdog.model.records import record
from watchdog.system import here
from watchdog.targets import match, programs

Answer = Literal["yes", "no", "unknown"]


@record(frozen=True)
class Expected:
    """What `find.cmdline` of a playbook says, and whose it is; without a cmdline every program is the right one."""

    words: tuple[str, ...] = ()
    regex: bool = False
    user: str | None = None
    cwd: str | None = None

    def __str__(self) -> str:
        return " ".join(self.words)

    def among(self, found: Iterable[Process]) -> list[Process]:
        """Those that run it, by the command line that they were started with or by the one that they show."""
        if not self.words:
            return list(found)
        named = (match.by_pattern(self.words[0], found) if self.regex else match.by_words(self.words, found))[0]
        return [one for one in named if not self.why_elsewhere(one)]

    def why_elsewhere(self, process: Process) -> str:
        """Where the process belongs to another user or works in another folder than the playbook says; else empty."""
        if self.user is not None and process.user != self.user:
            return f"as user {process.user}"
        return (
            "" if self.cwd is None or process.cwd is None or _same_folder(self.cwd, process.cwd) else in_folder(process)
        )

    def is_run_by(self, found: Iterable[Process]) -> Answer:
        """Whether one of these processes of one server runs it. "unknown" where a "no" could not be proven."""
        several = list(found)
        if self.among(several) or any(self._is_binary(one) for one in several):
            return "yes"
        return "unknown" if all(self._is_lost(one) for one in several) else "no"

    def _is_binary(self, process: Process) -> bool:
        """Whether it is the named binary, and a title stands where its arguments were: uWSGI, nginx, PostgreSQL."""
        if self.regex or not self._is_lost(process) or programs.is_python_interpreter(process):
            return False
        return programs.exe_name(process) == programs.last_part(self.words[0]) and not self.why_elsewhere(process)

    def _is_lost(self, process: Process) -> bool:
        """Whether its command line is lost: it cannot be read, or the process has overwritten it with a title."""
        return process.cmdline is None or (programs.has_title(process) and process.original is None)


def of(playbook: Playbook | None) -> Expected:
    """The program of a service."""
    if playbook is None:
        return Expected()
    rule = playbook.find
    return Expected(rule.cmdline, rule.regex, rule.user, rule.cwd)


def is_run_by(tree: Tree, playbook: Playbook | None) -> Answer:
    """Whether this server is the one that the playbook means."""
    return of(playbook).is_run_by(member.process for member in tree.members)


def other_application(process: Process, playbook: Playbook) -> str:
    """Where a process with the right words runs another application than this service's; empty if it is the same.

    `celery -A tasks` or a relative script means what lies in its folder, an absolute script means that file. Only a
    start command that is itself the program tells what is right; a launcher of another name does not. `find.user` and
    `find.cwd` come before all that.
    """
    if elsewhere := of(playbook).why_elsewhere(process):
        return elsewhere
    if playbook.find.cwd is not None:
        return ""
    start = playbook.start
    mine = start.command
    if not mine or start.cwd is None or process.cwd is None or not process.words:
        return ""
    named = match.runs(playbook.find.cmdline, mine, start.cwd) if playbook.find.cmdline else True
    if playbook.find.regex or not (named or match.runs(mine, process.words, process.cwd, process.exe)):
        return ""
    wanted, there = _place(mine, start.cwd), _place(process.words, process.cwd)
    return "" if wanted == there else f"in {there}"


def _place(words: tuple[str, ...], cwd: str) -> str:
    """What makes two calls with the same words the same application: the script's path, else the folder."""
    program = programs.parse(words)
    script = program.words[0] if program.words else ""
    if program.interpreter and not program.inline and script.endswith((".py", ".pyz", ".sh", ".js")):
        return here.folded(os.path.normpath(script if here.is_absolute(script) else f"{cwd}/{script}"))
    return cwd


def in_folder(process: Process) -> str:
    """Where it works, in words."""
    return f"in {process.cwd}" if process.cwd else "in a folder that cannot be read"


def what_differs(several: Sequence[Tree]) -> str:
    """What tells programs with the same command line apart, in a sentence; empty where nothing does."""
    roots = [tree.root for tree in several]
    if len({(one.user, one.cwd) for one in roots}) < 2:
        return ""
    keys = [key for key, seen in (("user", {one.user for one in roots}), ("cwd", {one.cwd for one in roots}))
            if len(seen) > 1]  # fmt: skip
    listed = "; ".join(f"pid {one.pid} runs {in_folder(one)} as user {one.user}" for one in roots[:4])
    return f"{listed}. Say which with {' and '.join(f'find.{key}' for key in keys)} in the playbook, or with --pid"


def _same_folder(one: str, other: str) -> bool:
    """Also where one of them is named through a link."""
    return here.folded(one) == here.folded(other) or here.folded(os.path.realpath(one)) == here.folded(other)


def why_start_differs(playbook: Playbook) -> str:
    """Whether the playbook starts another Python program than the one that it looks for, in a sentence."""
    words, command = playbook.find.cmdline, playbook.start.command
    if not words or not command or playbook.find.regex or playbook.start.through:
        return ""
    there = programs.parse(command)
    if there.interpreter != "python" or there.inline or match.runs(words, command, playbook.start.cwd):
        return ""
    return f"start.command runs {there.name}, and not {' '.join(words)} as find.cmdline says"
