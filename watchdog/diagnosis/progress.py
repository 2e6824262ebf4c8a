"""Whether a process that others wait for goes on with its work, as far as that is seen from outside. Pure."""

from __future__ import annotations

from watchdog.diagnosis.polling import polled
from watchdog.diagnosis.tasks import serving
from watchdog.diagnosis.view import ThreadView, View
from watchdog.model.evidence import Frame

_CPU = 0.02  # seconds: a loop that only asks and sleeps uses less


def goes_on(view: View, pid: int) -> bool:
    """It computes, it reads or writes, its main thread comes back from its waits, or a process below it does so.

    A young process counts as well: it has had no time to stand still. One that only asks again and again whether
    something outside is free does not go on.
    """
    if view.is_at_work(pid) or _is_young(view, pid):
        return True
    own = not _polls(view, pid) and (
        _has_worked(view, pid) or any(one.is_main and one.moves for one in view.threads_of(pid))
    )
    return own or any(goes_on(view, child) for child in view.living_children(pid))


def waits_for_children(view: View) -> tuple[Frame, ...]:
    """Where requests wait for a child that is seen to go on, one frame for each request."""
    found = [
        one.app_frame
        for one in view.stuck_threads
        if one.app_frame is not None and one.serves_request and _is_of_children(view, one)
    ]
    tasks = serving(view, frozenset({"child", "network"}))
    found += [
        one.app_frame for one in tasks if not _has_peer(view, one.task.pid) and children_go_on(view, one.task.pid)
    ]
    return tuple(found)


def _is_of_children(view: View, thread: ThreadView) -> bool:
    if thread.wait.kind == "child":
        return children_go_on(view, thread.pid)
    ends = [pid for pid in thread.wait.pids if view.is_child(pid, thread.pid)]
    return thread.wait.kind == "pipe-read" and bool(ends) and any(goes_on(view, pid) for pid in ends)


def _has_peer(view: View, pid: int) -> bool:
    return any(one.pid == pid and one.state == "ESTABLISHED" for one in view.upstreams)


def children_go_on(view: View, pid: int) -> bool:
    """Whether each child that lives does, but for those at rest; where there is none, whether one has ended during the
    looks."""
    living = [child for child in view.living_children(pid) if not _rests(view, child)]
    if living:
        return all(goes_on(view, child) for child in living)
    return any(one.parent == pid and one.pid not in view.living for one in view.processes.values())


def _has_worked(view: View, pid: int) -> bool:
    looks = [look for look in view.evidence.looks if look.process.pid == pid]
    if len(looks) < 2:
        return False
    first, last = looks[0], looks[-1]
    moved = first.transferred is not None and last.transferred is not None and last.transferred > first.transferred
    return moved or last.process.cpu_seconds - first.process.cpu_seconds > _CPU


def _is_young(view: View, pid: int) -> bool:
    now = view.evidence.taken + view.span
    return pid in view.living and 0.0 <= now - view.processes[pid].started < view.limit


def _rests(view: View, pid: int) -> bool:
    """Whether it is a helper that waits for work: a worker of a pool, a tracker of resources."""
    threads = [one for one in view.threads_of(pid) if one.frames]
    return bool(threads) and all(one.is_idle for one in threads)


def _polls(view: View, pid: int) -> bool:
    return any(one.is_main and polled(view, one.work) is not None for one in view.threads_of(pid))
