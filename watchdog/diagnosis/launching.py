"""Where a launcher chose the program that it runs. Pure."""

from __future__ import annotations

import ast

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import function
from watchdog.diagnosis.view import ThreadView, View
from watchdog.model.evidence import Frame
from watchdog.model.finding import Culprit
from watchdog.model.records import record

_STARTS = frozenset({"Popen", "run", "call", "check_call", "check_output", "spawnv", "execv", "execvp", "execve",
                     "execvpe", "create_subprocess_exec", "run_path", "system", "posix_spawn"})  # fmt: skip


@record(frozen=True)
class Choice:
    """The lines that put the child's command line together, and whether one name in it is assigned again later."""

    lines: tuple[int, ...] = ()
    calls: tuple[int, ...] = ()  # of these, the ones that call something
    again: bool = False

    @property
    def line(self) -> int | None:
        """The last one. In a loop it may be below the call that starts the child: it chose the one that runs now."""
        return max(self.calls or self.lines, default=None)


def chosen(view: View, launcher: int) -> Culprit | None:
    """The line of the launcher at which the program that it runs was chosen, else the line that starts it."""
    thread = _waiting(view, launcher)
    if thread is None or thread.app_frame is None:
        return None
    line = _choice(view, thread.app_frame).line or thread.app_frame.line
    return view.culprit(Frame(function(thread.app_frame), thread.app_frame.file, line), thread)


def chooses_again(view: View, launcher: int) -> bool:
    """Whether the launcher's code has a second choice for what it runs."""
    thread = _waiting(view, launcher)
    return thread is not None and thread.app_frame is not None and _choice(view, thread.app_frame).again


def _waiting(view: View, launcher: int) -> ThreadView | None:
    return next((one for one in view.threads_of(launcher) if one.app_frame is not None), None)


def _choice(view: View, frame: Frame) -> Choice:
    """What the function that stands in this frame puts into the command line of its last child."""
    source = view.file(frame.file)
    node = shape.function_at(source, frame.line) if source else None
    calls = [one for one in ast.walk(node) if isinstance(one, ast.Call)] if node else []
    starts = [one for one in calls if shape.called_name(one) in _STARTS and one.lineno <= frame.line]
    if node is None or not starts:
        return Choice()
    start = max(starts, key=lambda call: call.lineno)
    loops = [one for one in ast.walk(node) if isinstance(one, (ast.While, ast.For)) and shape.covers(one, start.lineno)]
    last = max((one.end_lineno or start.lineno for one in loops), default=start.lineno)
    assigned = [one for one in ast.walk(node) if isinstance(one, ast.Assign) and one.lineno <= last]
    return _made_of(start, assigned)


def _made_of(start: ast.Call, assigned: list[ast.Assign]) -> Choice:
    """A command line put together in its own variable: look through it at what it was made of, once."""
    pending = {name.id for part in start.args[:1] for name in ast.walk(part) if isinstance(name, ast.Name)}
    found: list[ast.Assign] = []
    again = False
    for _ in range(2):
        again = again or any(sum(name in _targets(one) for one in assigned) > 1 for name in pending)
        made = [one for one in assigned if _targets(one) & pending]
        found += made
        pending = {name.id for one in made for name in ast.walk(one.value) if isinstance(name, ast.Name)}
    calls = [one.lineno for one in found if any(isinstance(part, ast.Call) for part in ast.walk(one.value))]
    return Choice(tuple(one.lineno for one in found), tuple(calls), again)


def _targets(one: ast.Assign) -> set[str]:
    return {name.id for target in one.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
