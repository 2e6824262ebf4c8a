"""The message broker of a queue worker is away, stopped or silent: no job can come, and the worker itself is sound."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import jobs
from watchdog.diagnosis.view import View, short
from watchdog.model.evidence import PeerLook
from watchdog.model.finding import Finding

PREVENT = (
    "A restart of the worker changes nothing: bring the broker back, and the worker connects to it again. Watch the "
    "broker itself, and give its connections a time-out and keep-alive, so that a lost one is noticed."
)
_HOW = {
    "refuses": "it refuses connections: nothing listens there",
    "silent": "it does not take connections",
    "mute": "it takes connections, and does not answer",
}


def rule(view: View) -> Iterator[Finding]:
    if not view.unasked:
        return
    awaited = {thread.wait.peer for thread in jobs.stuck_threads(view)}  # by a job: external-wait says so
    for peer in jobs.lost_peers(view):
        if peer.address not in awaited:
            yield Finding(
                cause="external-wait",
                certainty="certain",
                summary=f"no job can come: the broker {peer.address} {_state(peer)}",
                instead="call-a-person",
                peer=peer.address,
                evidence=("sockets.json", "stacks.json"),
                prevent=PREVENT,
                details=(*_remedy(peer), *_where(view)),
            )


def _state(peer: PeerLook) -> str:
    who = f"({peer.owner.removesuffix(' (stopped)')}) " if peer.owner else ""
    if peer.stopped is not None:
        return f"{who}is stopped by a signal and answers nothing"
    return f"{who}is lost: {_HOW.get(peer.state, peer.state)}"


def _remedy(peer: PeerLook) -> tuple[str, ...]:
    if peer.stopped is not None:
        return (f"kill -CONT {peer.stopped} lets the broker go on",)
    return (f"start the broker at {peer.address}, or free the way to it",) if peer.state != "mute" else ()


def _where(view: View) -> tuple[str, ...]:
    """Where the engine's own thread stands meanwhile."""
    thread = next((one for one in view.python_threads if one.is_main and one.frames), None)
    return (f"{thread.label} is in {short(thread.frames[0])}",) if thread else ()
