"""A thread waits for a peer that does not answer, and nothing bounds the wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from watchdog.diagnosis import askers
from watchdog.diagnosis.code import at_place
from watchdog.diagnosis.locking import graph, who
from watchdog.diagnosis.polling import awaits_result
from watchdog.diagnosis.tasks import TaskWait, serving
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.model.open_files import Connection
from watchdog.text.units import format_duration

PREVENT = (
    "Set a time-out at that call (connect and read), answer with an error when it comes, and bound how many requests "
    "may wait for the same peer at once."
)
KINDS = ("socket", "connect", "send", "names", "client", "fifo")


def rule(view: View) -> Iterator[Finding]:
    yield from _of_tasks(view)
    waiting = [thread for thread in view.python_threads if waits_outside(view, thread)]
    if not waiting:
        return
    by_peer = Counter(thread.wait.peer for thread in waiting)
    peer, count = by_peer.most_common(1)[0]
    thread = max((one for one in waiting if one.wait.peer == peer), key=lambda one: one.stuck)
    yield _finding(view, thread, peer, count)


def waits_outside(view: View, thread: ThreadView) -> bool:
    """It waits for somebody outside this server, in the application's own work."""
    if awaits_result(thread.work):
        return False  # the peer that keeps the results answers
    if thread.is_idle or thread.wait.kind not in KINDS or thread.stuck < 0.5:
        return False
    if thread.app_frame is None:
        return view.troubled and thread.wait.kind != "client" and askers.asker(view, thread) is not None
    if thread.wait.kind == "client":
        # A server of one thread that reads from a silent client serves nobody else; with many threads that is usual.
        return view.hung and not thread.moves and (thread.is_main or _has_lock(view, thread))
    return view.troubled


def _has_lock(view: View, thread: ThreadView) -> bool:
    """Whether others wait for a lock that the thread has."""
    return any(held and who(held) == (thread.pid, thread.tid) for _, held in graph(view.evidence.locks).contended())


def _of_tasks(view: View) -> Iterator[Finding]:
    """Suspended tasks that read from a peer of the server. What they read from its clients is not trouble."""
    if not view.troubled:
        return
    asking = serving(view, frozenset({"network"}))
    yield from _of_names(view, asking)
    waiting = [(one, peer) for one in asking if (peer := _asked(view, one.task.pid))]
    if not waiting:
        return
    first, peer = waiting[0]
    count = sum(one.app_frame == first.app_frame for one, _ in waiting)
    reach = _reach(view, peer.remote)
    yield Finding(
        cause="external-wait",
        certainty="likely",
        lasted=peer.sent_ago or 0.0,
        summary=f"{count} {first.noun}{'s' if count > 1 else ''} wait{'' if count > 1 else 's'} for {peer.remote} in "
        f"{short(first.app_frame)}{reach}",
        culprit=view.culprit(first.app_frame),
        peer=peer.remote,
        evidence=(f"tasks.json#pid={first.task.pid},task={first.task.name}", "sockets.json"),
        prevent=PREVENT,
        details=first.calls,
    )


def _of_names(view: View, asking: Sequence[TaskWait]) -> Iterator[Finding]:
    """Tasks that look up a name: a thread of the loop's pool does it for them, and the C library does not come back."""
    for one in asking:
        if not any(at_place(frame, ("asyncio/base_events.py:getaddrinfo",)) for frame in one.task.frames):
            continue
        threads = [it for it in view.threads_of(one.task.pid) if it.wait.kind == "names" and it.stuck >= 0.5]
        if threads:
            yield Finding(
                cause="external-wait",
                certainty="likely",
                lasted=threads[0].stuck,
                summary=f"a task waits {format_duration(threads[0].stuck)} for a name to be looked up in "
                f"{short(one.app_frame)}; {len(threads)} threads wait for the same answer of the resolver",
                culprit=view.culprit(one.app_frame),
                evidence=(threads[0].reference, f"tasks.json#pid={one.task.pid},task={one.task.name}"),
                prevent=PREVENT,
                details=one.calls,
            )
            return


def _asked(view: View, pid: int) -> Connection | None:
    """The peer that this process has asked longest ago, one that has said nothing since before others."""
    open_ = [
        one for one in view.upstreams if one.pid == pid and one.state in ("ESTABLISHED", "SYN_SENT") and not one.unread
    ]
    return max(open_, key=lambda one: (_said_nothing(one), one.sent_ago or 0.0), default=None)


def _said_nothing(peer: Connection) -> bool:
    """Whether nothing has come since the last question was sent. Half an answer may have come from others."""
    return peer.received_ago is None or (peer.sent_ago is not None and peer.received_ago >= peer.sent_ago)


def _reach(view: View, peer: str | None) -> str:
    """What a connection to it came to, and who it is if it is on this machine."""
    look = next((one for one in view.evidence.peers if one.address == peer), None)
    if look is None:
        return ""
    who = f" ({look.owner})" if look.owner else ""
    reach = {
        "connects": f": it takes connections, and does not answer{who}",
        "refuses": f": it refuses new connections{who}",
        "silent": f": it does not even take new connections{who}",
    }
    return reach.get(look.state, who)


def _finding(view: View, thread: ThreadView, peer: str | None, count: int) -> Finding:
    frame = thread.place
    assert frame is not None
    culprit, where = askers.culprit(view, thread, frame)
    reach = _reach(view, peer)
    many = f"; {count} threads wait for it" if count > 1 else ""
    return Finding(
        cause="external-wait",
        certainty="likely",
        lasted=thread.stuck,
        waits_for="loop" if thread.is_event_loop else "",
        summary=f"{thread.label} waits {format_duration(thread.stuck)} for {thread.wait.words} in {where}{many}{reach}",
        culprit=culprit,
        peer=peer,
        evidence=(thread.reference, "sockets.json", f"threads.json#pid={thread.pid},tid={thread.tid}"),
        prevent=PREVENT,
    )
