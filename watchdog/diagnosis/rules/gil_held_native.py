"""Native code (a regular expression, a huge number, a parser) runs without end and keeps the interpreter's lock."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.rules.busy_loop import advice, endless, to_blame
from watchdog.diagnosis.spinning import Spin, spins
from watchdog.diagnosis.view import View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Bound what goes into that call: cap the input's length, rewrite a pattern in which one text can match in many "
    "ways (nested repeats, overlapping alternatives), or run it in a process of its own with a time-out."
)


def rule(view: View) -> Iterator[Finding]:
    for spin in spins(view):
        if spin.native and to_blame(view, spin):
            yield _finding(view, spin)


def _finding(view: View, spin: Spin) -> Finding:
    thread = spin.thread
    culprit = view.culprit(spin.frame, thread)
    source = f": {culprit.source[:120]}" if culprit and culprit.source else ""
    return Finding(
        cause="gil-held-native",
        certainty=(endless(view, spin) or "guess") if view.unasked else "certain",
        lasted=spin.seconds,
        summary=f"native code called from {short(spin.frame)} runs for at least {format_duration(spin.seconds)} and "
        f"keeps the interpreter's lock; no other thread of process {thread.pid} can run{source}",
        instead=advice(view),
        culprit=culprit,
        evidence=(thread.reference, f"threads.json#pid={thread.pid},tid={thread.tid}"),
        prevent=PREVENT,
    )
