"""The process is stopped by a signal (SIGSTOP, SIGTSTP, Ctrl-Z): state T."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.tasks import suspended
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Culprit, Finding
from watchdog.model.process import Process

PREVENT = (
    "Find who sent the stop signal (a debugger, Ctrl-Z in a terminal, a tool that freezes and forgets to continue). "
    "Start services detached from terminals."
)
PREVENT_WAIT = "Find who sent the stop signal to the child, and give the wait for a child a time-out."


def rule(view: View) -> Iterator[Finding]:
    stopped = [process for process in view.processes.values() if process.state == "T"]
    if not stopped or _holds_nobody_up(view, stopped):
        return
    everybody = len(stopped) == len(view.processes)
    pids = ", ".join(str(process.pid) for process in stopped)
    culprit, where = next((it for one in stopped if (it := _who_waits(view, one))), (None, ""))
    alone = not _server_stands(view, stopped)
    yield Finding(
        cause="stopped",
        certainty="certain" if everybody or not view.answers_well else "likely",
        summary=f"process {pids} is stopped by a signal: it does nothing until it gets SIGCONT{where}",
        instead="call-a-person" if alone else None,
        remedy="continue" if alone else "",
        culprit=culprit,
        evidence=tuple(f"threads.json#pid={process.pid}" for process in stopped),
        prevent=PREVENT_WAIT if culprit else PREVENT,
        details=(f"kill -CONT {' '.join(str(process.pid) for process in stopped)} would let it go on as it was",),
    )


def _holds_nobody_up(view: View, stopped: list[Process]) -> bool:
    """Whether everybody is answered, and what is stopped serves nobody: a program may let its children rest."""
    return (
        view.answers_well
        and not view.waiting
        and not _server_stands(view, stopped)
        and not any(view.is_server(one.pid) for one in stopped)
    )


def _server_stands(view: View, stopped: list[Process]) -> bool:
    """Whether the server itself is stopped: its first process, or all that take requests."""
    pids = {process.pid for process in stopped}
    serving = {pid for pid in view.processes if view.is_server(pid)}
    return any(one.parent not in view.processes for one in stopped) or bool(serving and serving <= pids)


def _who_waits(view: View, stopped: Process) -> tuple[Culprit | None, str] | None:
    """The line of the parent that waits for this process, and words for it. None where nobody does, or where several
    lines wait for children and none of them shows for which."""
    threads = [one for one in view.stuck_threads if one.pid == stopped.parent and one.app_frame is not None]
    exact = [one for one in threads if stopped.pid in one.wait.pids or _is_for(one, stopped.pid)]
    others = [one for one in threads if one.wait.kind == "child"]
    found = [(one.app_frame, one) for one in exact or others if one.app_frame is not None]
    tasks = [one.app_frame for one in suspended(view) if one.task.pid == stopped.parent and one.kind == "child"]
    if len({frame for frame, _ in found} | (set() if exact else set(tasks))) != 1:
        return None
    frame, thread = found[0] if found else (tasks[0], None)
    return view.culprit(frame, thread), f"; process {stopped.parent} waits for it in {short(frame)}"


def _is_for(thread: ThreadView, pid: int) -> bool:
    """Whether the system call that it is in waits for the end of this very process."""
    call = thread.call
    return call is not None and call.name == "wait4" and bool(call.arguments) and call.arguments[0] == pid
