"""Native code (a regular expression, a huge number, a parser) runs without end and keeps the interpreter's lock."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.ambiguity import is_exponential
from watchdog.diagnosis.patterns import pattern_at
from watchdog.diagnosis.rules.busy_loop import advice, endless, to_blame
from watchdog.diagnosis.spinning import Spin, spins
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Bound what goes into that call: cap the input's length, rewrite a pattern in which one text can match in many "
    "ways (nested repeats, overlapping alternatives), or run it in a separate process with a time-out."
)


PREVENT_ASLEEP = (
    "Call it so that the interpreter's lock is free meanwhile (ctypes: `CDLL` instead of `PyDLL`; C: "
    "`Py_BEGIN_ALLOW_THREADS`; Cython: `with nogil`), with a time-out."
)


def rule(view: View) -> Iterator[Finding]:
    for spin in spins(view):
        if spin.native and to_blame(view, spin):
            yield _finding(view, spin)
    if view.in_trouble:
        yield from (_asleep(view, one) for one in view.python_threads if _sleeps_with_it(one))


def _sleeps_with_it(thread: ThreadView) -> bool:
    """Whether it waits in the kernel and has the interpreter's lock in every look. Python gives it back before."""
    asleep = not thread.moves and thread.stuck >= _SLEEPS and thread.state in "SD"
    return asleep and len(thread.samples) >= _LOOKS and thread.holds_gil >= _ALWAYS


_SLEEPS, _LOOKS, _ALWAYS = 0.5, 3, 0.9  # seconds, looks, share of the looks


def _asleep(view: View, thread: ThreadView) -> Finding:
    place = thread.place
    where = f" in {short(place)}" if place else ""
    return Finding(
        cause="gil-held-native",
        certainty="certain",
        lasted=thread.stuck,
        summary=f"{thread.label} waits {format_duration(thread.stuck)} for {thread.wait.words}{where} and keeps the "
        "interpreter's lock meanwhile; no other Python code of the process can run",
        culprit=view.culprit(place, thread),
        evidence=(thread.reference, f"threads.json#pid={thread.pid},tid={thread.tid}"),
        prevent=PREVENT_ASLEEP,
    )


def _finding(view: View, spin: Spin) -> Finding:
    thread = spin.thread
    culprit = view.culprit(spin.frame, thread)
    source = f": {culprit.source[:120]}" if culprit and culprit.source else ""
    pattern = _exponential_pattern(view, spin)
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
        details=_doubles(pattern) if pattern else (),
        no_end=bool(pattern),
    )


def _doubles(pattern: str) -> tuple[str, ...]:
    return (f"the pattern {pattern[:120]} can match one text in many ways: each further character may double the time",)


def _exponential_pattern(view: View, spin: Spin) -> str | None:
    source = view.file(spin.frame.file)
    if source is None or source.changed_since_start:
        return None
    pattern = pattern_at(source, spin.frame.line, view.own_sources)
    return pattern if pattern is not None and is_exponential(pattern) else None
