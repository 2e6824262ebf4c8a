"""How a watched service is, as one record: for `wd tick -o json` and for the shared store."""

from __future__ import annotations

from watchdog.model.incident import Desired
from watchdog.system import clock
from watchdog.text.units import format_duration
from watchdog.watch.watched import Watched


def is_meant(watched: Watched, wanted: Desired) -> bool:
    """Whether it is down because a person wants it so."""
    return wanted.state == "stopped" and watched.tree is None


def record(watched: Watched, wanted: Desired) -> dict[str, object]:
    """One service as JSON."""
    worst = [sample for name, sample in watched.latest.items() if sample.verdict != "ok"]
    message = next(iter(worst or watched.latest.values()), None)
    told = f"{message.probe}: {message.message}" if message else "nothing was asked"
    if is_meant(watched, wanted):
        told = f"stopped by {wanted.by or 'a person'} {format_duration(max(0.0, clock.now() - wanted.since))} ago"
    return {
        "service": watched.name,
        "state": "stopped" if is_meant(watched, wanted) else watched.level,
        "message": told,
        "pid": watched.tree.root.pid if watched.tree else None,
        "given_up": watched.stored.gave_up_why if watched.stored.gave_up is not None else None,
        "probes": [
            {"probe": name, "verdict": one.verdict, "message": one.message, "seconds": round(one.seconds, 3)}
            | ({"value": one.value, "unit": one.unit} if one.value is not None else {})
            for name, one in watched.latest.items()
        ],
    }
