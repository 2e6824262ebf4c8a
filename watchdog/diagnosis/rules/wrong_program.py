"""Another program runs than the configured one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import function
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame
from watchdog.model.finding import Culprit, Finding

PREVENT = (
    "Mend what chooses the program: a launcher, a service file, a path. A restart would bring the same wrong one "
    "back. Ask the health check for the program's name or version, too."
)
_STARTS = frozenset({"Popen", "run", "call", "check_call", "check_output", "spawnv", "execv", "execvp", "execve",
                     "execvpe", "create_subprocess_exec", "run_path", "system", "posix_spawn"})  # fmt: skip


def rule(view: View) -> Iterator[Finding]:
    wanted = view.evidence.configured.cmdline
    if not wanted or not view.evidence.strangers:
        return
    stranger = view.evidence.strangers[-1]
    yield Finding(
        cause="wrong-program",
        certainty="certain",
        summary=f"process {stranger.pid} on the port runs {stranger.shown(120)!r}, not the configured "
        f"{' '.join(wanted)!r}",
        culprit=_chosen(view, stranger.parent),
        evidence=(f"processes.json#pid={stranger.pid}",),
        prevent=PREVENT,
    )


def _chosen(view: View, parent: int) -> Culprit | None:
    """The line of the launcher at which the program that it starts was chosen, else the line that starts it."""
    for thread in view.threads_of(parent):
        if thread.app_frame is None:
            continue
        source = view.file(thread.app_frame.file)
        node = shape.function_at(source, thread.app_frame.line) if source else None
        if node is None:
            return view.culprit(thread.app_frame, thread)
        line = _assignment(node, thread.app_frame.line) or thread.app_frame.line
        return view.culprit(Frame(function(thread.app_frame), thread.app_frame.file, line), thread)
    return None


def _assignment(node: ast.AST, before: int) -> int | None:
    """The last assignment to a name that stands in the child's command line. In a loop the last one may stand below the
    call that starts the child: it chose the one that runs now."""
    starts = [
        call
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and shape.called_name(call) in _STARTS and call.lineno <= before
    ]
    if not starts:
        return None
    start = max(starts, key=lambda call: call.lineno)
    names = {name.id for part in start.args[:1] for name in ast.walk(part) if isinstance(name, ast.Name)}
    lines: list[int] = []
    pending = set(names)
    loops = [one for one in ast.walk(node) if isinstance(one, (ast.While, ast.For)) and shape.covers(one, start.lineno)]
    last = max((one.end_lineno or start.lineno for one in loops), default=start.lineno)
    assigned = [one for one in ast.walk(node) if isinstance(one, ast.Assign) and one.lineno <= last]
    # A command line put together in a separate variable: look through it at what it was made of, once.
    for _ in range(2):
        found = [one for one in assigned if _targets(one) & pending]
        lines += [one.lineno for one in found]
        pending = {name.id for one in found for name in ast.walk(one.value) if isinstance(name, ast.Name)}
    calls = [
        one.lineno
        for one in assigned
        if one.lineno in lines and any(isinstance(n, ast.Call) for n in ast.walk(one.value))
    ]
    return max(calls or lines, default=None)


def _targets(one: ast.Assign) -> set[str]:
    return {name.id for target in one.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
