"""The CPU of the whole tree since the answer before; 100 % is one core."""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked, percent_of
from watchdog.probes.kind import ProbeKind
from watchdog.system import clock


def probe(asked: Asked) -> Sample:
    """The first answer is ok whatever is used: one look shows no rate. A tree whose root is another begins again."""
    members = asked.members()
    if not members:
        return asked.unknown("no process of it runs")
    used, now = {one.pid: one.cpu_seconds for one in members}, clock.monotonic()
    root = str(members[0].identity)
    bookmark = f"{root} {now:.3f} " + ",".join(f"{pid}={seconds:.2f}" for pid, seconds in used.items())
    before = _before(asked.bookmark, root)
    if before is None or now - before[0] < 0.05:
        return asked.answer("ok", "first look", bookmark=bookmark if before is None else asked.bookmark)
    # A process that is new since then has used all its time since then.
    spent = sum(seconds - before[1].get(pid, 0.0) for pid, seconds in used.items())
    percent = 100.0 * max(0.0, spent) / (now - before[0])
    too_much = percent > percent_of(asked.spec.subject)
    told = f"uses {percent:.0f} % of a core"
    return asked.answer("failed" if too_much else "ok", told, percent, "%", bookmark)


def _before(bookmark: str, root: str) -> tuple[float, dict[int, float]] | None:
    """(moment, CPU seconds by pid) of the answer before; None if there was none of this process."""
    try:
        identity, moment, text = bookmark.split(" ")
        pairs = (pair.split("=") for pair in text.split(",") if pair)
        used = {int(pid): float(seconds) for pid, seconds in pairs}
    except ValueError:
        return None
    return (float(moment), used) if identity == root and float(moment) <= clock.monotonic() else None


KIND = ProbeKind(
    Key("cpu", "share", "100% is one core", high=100_000.0),
    "The CPU of the whole tree.",
    probe,
    needs_tree=True,
    measure=True,
)
