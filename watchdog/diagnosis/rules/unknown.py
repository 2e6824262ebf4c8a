"""Something is wrong, and no rule knows it: where it stands is still worth a look."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration


def rule(view: View) -> Iterator[Finding]:
    if not view.in_trouble or not view.processes:
        return
    thread = next(iter(view.roots or view.stuck_threads), None)
    if thread is not None and thread.app_frame is not None:
        where = (
            f"{thread.label} waits {format_duration(thread.stuck)} for {thread.wait.words} in {short(thread.app_frame)}"
        )
    elif view.failing:
        last = view.failing[-1]
        where = f"it answers {last.status or last.verdict}{': ' + last.detail if last.detail else ''}"
    else:
        where = f"a question waits for {format_duration(view.waited)}, and no thread is seen to be stuck"
    strange = sum(look.strange for look in view.tasks)
    yield Finding(
        cause="unknown",
        certainty="guess",
        summary=f"the reason why it does not answer is not known: {where}",
        culprit=view.culprit(thread.app_frame, thread) if thread and thread.serves_request else None,  # no bystander
        evidence=(thread.reference,) if thread else (),
        details=(
            f"{strange} greenlets keep their calls in a way that is not known here: what they wait for is not seen; "
            "the `greenlet` package from 2.0 on can be read",
        )
        if strange
        else (),
    )
