"""The kernel's queue of new connections is full: more come than the server takes."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import View, short
from watchdog.model.finding import Finding

PREVENT = (
    "Take connections faster than they come: more workers or threads, the slow work out of the accepting thread, a "
    "longer backlog only for short peaks, and a limit in front that turns the rest away."
)


def rule(view: View) -> Iterator[Finding]:
    for port in sorted({listener.port for _, listener in view.evidence.listeners}):
        looks = [listener for _, listener in view.evidence.listeners if listener.port == port]
        full = [one for one in looks if one.backlog is not None and one.queue >= max(1, one.backlog)]
        if len(looks) < 2 or len(full) < 0.8 * len(looks):
            continue
        last = looks[-1]
        # A server whose threads all stand still is not overrun: its full queue is an effect, and the standstill the
        # root.
        busy = [thread for thread in view.python_threads if not thread.waits_for_work and thread.app_frame]
        working = [thread for thread in busy if thread.moves or thread.ends_in_time]
        thread = max(working, key=lambda one: (one.is_main, one.serves_request), default=None)
        doing = f"; {thread.label} is in {short(thread.app_frame)}" if thread and thread.app_frame else ""
        yield Finding(
            cause="accept-backlog-full",
            certainty="certain" if thread is not None else "guess",
            summary=f"{last.queue} connections wait in the queue of port {port}, which takes {last.backlog}: "
            f"new ones are dropped{doing}",
            instead="restart" if view.hung else "wait",
            culprit=view.culprit(thread.app_frame, thread) if thread else None,
            evidence=("sockets.json#listeners", *((thread.reference,) if thread else ())),
            prevent=PREVENT,
        )
