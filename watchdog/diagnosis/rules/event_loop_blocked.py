"""A synchronous call on the event loop's thread: every other request waits until it comes back."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Give that call to a thread (`await asyncio.to_thread(...)`, `run_in_threadpool`) or use its asynchronous "
    "counterpart, with a time-out; a plain `def` endpoint is run in a thread by the framework."
)
# These have a rule of their own, which knows the root; the blocked loop is their first victim.
_OTHERS = ("database", "import", "lock", "pipe-write", "pipe-read")


def rule(view: View) -> Iterator[Finding]:
    for thread in view.python_threads:
        if _blocks(view, thread):
            yield _finding(view, thread)


def _blocks(view: View, thread: ThreadView) -> bool:
    if not thread.shows_loop or thread.is_idle or thread.spins or thread.app_frame is None or thread.stuck < 0.5:
        return False
    return view.troubled or (thread.stuck >= view.limit and not view.answered)


def _finding(view: View, thread: ThreadView) -> Finding:
    assert thread.app_frame is not None
    wait = thread.wait
    outer = next((frame for frame in thread.work[::-1] if frame.file == thread.app_frame.file), thread.app_frame)
    called_by = f", called by {short(outer)}" if outer != thread.app_frame else ""
    return Finding(
        cause="event-loop-blocked",
        certainty="certain",
        lasted=thread.stuck + thread.sleep_left,
        waits_for=wait.kind if wait.kind in _OTHERS else "",
        summary=f"the event loop of process {thread.pid} is blocked for {format_duration(thread.stuck)} in "
        f"{short(thread.app_frame)}{called_by}: it waits for {wait.words}",
        culprit=view.culprit(thread.app_frame, thread),
        peer=wait.peer,
        evidence=(thread.reference, f"threads.json#pid={thread.pid},tid={thread.tid}"),
        prevent=PREVENT,
        details=tuple(f"  {short(frame)}" for frame in thread.work[:12]),
    )
