"""A thread with an open transaction waits for work whose query waits for what that transaction has locked."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import posts
from watchdog.diagnosis.rules.db_locked import began_transaction
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Do not wait inside a transaction for other work that uses the same rows: start that work after the commit "
    "(`on_commit`), or let it use the same connection. Set a lock time-out in the database."
)
_GIVEN_AWAY = ("future", "join", "queue", "event")


def rule(view: View) -> Iterator[Finding]:
    if not view.troubled:
        return
    for waiter in view.stuck_threads:
        if waiter.wait.kind not in _GIVEN_AWAY or waiter.app_frame is None or not began_transaction(view, waiter):
            continue
        worker = _blocked_work(view, waiter)
        if worker is not None and worker.app_frame is not None:
            yield Finding(
                cause="lock-deadlock",
                certainty="likely",
                lasted=waiter.stuck,
                summary=f"{waiter.label} has a transaction open and waits {format_duration(waiter.stuck)} in "
                f"{short(waiter.app_frame)} for {waiter.wait.words}; that work waits"
                f" in {short(worker.app_frame)} for the same "
                f"database ({worker.wait.peer}): for a row or table that the transaction has locked",
                culprit=view.culprit(waiter.app_frame, waiter),
                peer=worker.wait.peer,
                evidence=(waiter.reference, worker.reference, "sockets.json"),
                prevent=PREVENT,
            )
            return


def _blocked_work(view: View, waiter: ThreadView) -> ThreadView | None:
    """A thread that does work for others and waits for a peer to which the process has more than one connection."""
    for thread in view.threads_of(waiter.pid):
        peer = thread.wait.peer
        if thread is waiter or thread.wait.kind != "socket" or peer is None or thread.stuck < 0.5:
            continue
        if (
            thread.app_frame != waiter.app_frame
            and posts.in_work_item(thread.frames)
            and sum(one.remote == peer for one in view.upstreams) > 1
        ):
            return thread
    return None


def _pool(thread: ThreadView) -> str:
    return thread.name.rstrip("0123456789")
