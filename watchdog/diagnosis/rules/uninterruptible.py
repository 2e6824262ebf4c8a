"""A thread waits in the kernel where no signal reaches it (state D): a dead disk, network file system or driver."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = "The device or network file system below it has to answer: mount network file systems `soft` with a time-out."
SURE = 2.0  # seconds in one uninterruptible wait; ordinary disk access is over in milliseconds


def rule(view: View) -> Iterator[Finding]:
    for thread in view.threads:
        looks = [look for _, look in thread.looks]
        if len(looks) < 2 or any(look.state != "D" for look in looks) or thread.moves:
            continue
        if (thread.asleep or thread.span) < SURE:
            continue
        where = looks[-1].wait_channel or "the kernel"
        yield Finding(
            cause="uninterruptible",
            certainty="certain",
            summary=f"{thread.label} waits in the kernel ({where}) for "
            f"{format_duration(thread.asleep or thread.span)}; no signal can end it",
            culprit=view.culprit(thread.app_frame, thread),
            evidence=(f"threads.json#pid={thread.pid},tid={thread.tid}",),
            prevent=PREVENT,
        )
