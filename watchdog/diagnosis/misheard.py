"""Whether our question was taken for something else. Pure.

A gRPC server may have one handler for every method. It then takes a question to the health service, which it does not
have, for a call of its own: for a stream of news, for example, which stays open by design.
"""

from __future__ import annotations

from watchdog.diagnosis.code import at_place
from watchdog.diagnosis.threads import Threads, ThreadView

_TAKES_CALLS = ("grpc/_server.py:_serve",)
_ANSWERS_ONCE = ("grpc/_server.py:_unary_response_in_pool",)
_HOLDS = 0.5  # of the looks: nothing else in the process runs


def is_misheard(view: Threads) -> bool:
    """Whether the server took our question, and no thread of it answers a call that has one answer, as ours has."""
    if view.evidence.protocol != "grpc":
        return False
    takers = [thread for thread in view.python_threads if _is_at(thread, _TAKES_CALLS)]
    if not takers or any(thread.app_frame is not None for thread in takers):
        return False
    pid = takers[0].pid
    return _takes_at_once(view, pid) and not any(_is_at(one, _ANSWERS_ONCE) for one in view.threads_of(pid))


def _takes_at_once(view: Threads, pid: int) -> bool:
    """Whether no call waits for a free thread, and nothing keeps the threads from running."""
    queued = [length for look in view.tasks if look.pid == pid for name, length in look.queues if "SimpleQueue" in name]
    held = any(one.spins or one.holds_gil >= _HOLDS for one in view.threads_of(pid))
    return bool(queued) and max(queued) == 0 and not held and view.processes[pid].state not in "TtD"


def _is_at(thread: ThreadView, places: tuple[str, ...]) -> bool:
    return any(at_place(frame, places) for frame in thread.frames)
