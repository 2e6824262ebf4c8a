"""Another process keeps the port: an orphan of an earlier run, or a stranger. A restart cannot bind it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from watchdog.diagnosis import logbook, shape
from watchdog.diagnosis.code import at_place, is_application
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.model.process import Process

PREVENT = (
    "Let children not inherit the listening socket (close_fds, `os.set_inheritable(fd, False)`, fork with exec), end "
    "the whole tree on a stop, and let the service's manager kill what is left over."
)
_IN_USE = r"[Aa]ddress already in use|\[Errno 98\]|EADDRINUSE|Only one usage of each socket address"


def rule(view: View) -> Iterator[Finding]:
    holders = {pid for _, listener in view.evidence.listeners[-4:] for pid in listener.holders}
    said = logbook.matching(view.evidence.logs, _IN_USE, 30)
    for process in view.processes.values():
        if process.pid not in holders or process.parent in view.processes:
            continue
        thread = _left_over(view, process)
        alone = is_orphan(view, process) or (process.parent == 1 and _takes_nobody(view, process))
        if thread is None and not (alone and (said or _other_command(view, process))):
            continue
        where = f"; it is still in {short(thread.app_frame)}" if thread and thread.app_frame else ""
        yield Finding(
            cause="port-squatter",
            certainty="certain" if view.in_trouble else "likely",
            summary=f"process {process.pid}, an orphan of an earlier run ({process.shown(80)}), keeps the port{where}",
            culprit=view.culprit(thread.app_frame, thread) if thread else None,
            evidence=("sockets.json#listeners", *((thread.reference,) if thread else ())),
            prevent=PREVENT,
            details=tuple(said[-2:]),
        )
        return
    strangers = [one for one in view.evidence.strangers if one.pid in holders]
    if said and strangers:
        yield Finding(
            cause="port-squatter",
            certainty="likely",
            summary=f"process {strangers[0].pid} ({strangers[0].shown(80)}) keeps the port",
            instead="call-a-person",
            evidence=("sockets.json#listeners", "log"),
            prevent=PREVENT,
            details=tuple(said[-2:]),
        )


def is_orphan(view: View, process: Process) -> bool:
    """Its parent is gone, and so is the process that began its session: somebody started it and died."""
    tree = view.evidence.tree
    if tree is not None and any(one.process.pid == process.pid and one.role == "orphan" for one in tree.members):
        return True
    return process.parent == 1 and process.session != process.pid and process.session not in view.processes


def _takes_nobody(view: View, process: Process) -> bool:
    """Whether it waits for something else than connections, while some wait in its queue: it only inherited the
    socket."""
    queue = max((one.queue for _, one in view.evidence.listeners[-4:] if process.pid in one.holders), default=0)
    waits = {one.wait.kind for one in view.threads_of(process.pid)}
    return view.hung and queue > 0 and bool(waits) and not waits & {"accept", "select", "poll", "running"}


def _other_command(view: View, process: Process) -> bool:
    """Whether it was not started as the service is, and nobody who was is there: its parent has left it behind."""
    wanted = view.evidence.configured.start_command
    known = [one for one in view.processes.values() if one.cmdline == wanted]
    script = next((word for word in wanted[1:] if not word.startswith("-")), "")
    return bool(script.endswith(".py")) and not known and script not in (process.cmdline or ())


def _in_child(view: View, thread: ThreadView) -> bool:
    """Whether it stands where only the child of a fork comes: `if os.fork() == 0:`, or a multiprocessing child."""
    for frame in thread.frames:
        if at_place(frame, ("multiprocessing/popen_fork.py:_launch", "multiprocessing/spawn.py:spawn_main")):
            return True
        source = view.file(frame.file) if is_application(frame) else None
        for node in shape.around(source, frame.line) if source else ():
            if isinstance(node, ast.If) and any(shape.covers(one, frame.line) for one in node.body):
                test = ast.unparse(node.test)
                if re.fullmatch(r"(os\.)?fork\(\) == 0|not (os\.)?fork\(\)|(not )?\w*(pid|child)\w*( == 0)?", test):
                    return "fork" in test or test.startswith("not ") or test.endswith("== 0")
    return False


def _left_over(view: View, process: Process) -> ThreadView | None:
    """Its main thread, where that began as a thread or inside a request: only a fork without exec leaves such a one.
    A daemon that put itself into the background began at its module instead."""
    for thread in view.threads_of(process.pid):
        if thread.is_main and thread.frames:
            begun = thread.frames[-1].function.rpartition(".")[2]
            single = thread.serves_request and not thread.is_event_loop and is_orphan(view, process)
            if begun in ("_bootstrap", "_bootstrap_inner") or single or _in_child(view, thread):
                return thread
    return None
