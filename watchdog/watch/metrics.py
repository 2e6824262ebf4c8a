"""The loop's numbers in Prometheus' text form, for the textfile collector of a node exporter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from watchdog.model.errors import WdError
from watchdog.system.disk.files import write_atomic
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import Watched

NUMBERS = "numbers.prom"  # in the state folder, for the page
_LEVELS = {"ok": 0, "slow": 1, "starting": 1, "failing": 1, "trouble": 2, "unknown": 3}
_HELP = {
    "wd_service_state": ("gauge", "0 fine, 1 warning, 2 critical, 3 unknown, as the exit codes"),
    "wd_service_given_up": ("gauge", "1 while a person is waited for"),
    "wd_probe_seconds": ("gauge", "how long the last answer took"),
    "wd_probe_value": ("gauge", "what the last answer measured"),
    "wd_probe_failed": ("gauge", "1 if the last answer was a failure"),
    "wd_asked_total": ("counter", "questions asked since the start of wd"),
    "wd_unknown_total": ("counter", "answers that said nothing about the server"),
    "wd_skipped_total": ("counter", "checks skipped because the previous one was still in progress"),
    "wd_late_total": ("counter", "runs that were joined or dropped"),
    "wd_discarded_total": ("counter", "answers across a time in which wd did not run"),
    "wd_runs_total": ("counter", "runbooks that were run"),
    "wd_given_up_total": ("counter", "times that a person was called"),
}


def write(state: LoopState, path: str = "") -> None:
    """Replace the page's file, and that of the path; a reader sees the old one or the new, never a part.

    A failure is said, not raised.
    """
    numbers = text(state)
    for file, mode in ((state.folder / NUMBERS, 0o600), *([(Path(path), 0o644)] if path else [])):
        try:
            write_atomic(file, numbers, mode=mode, settle=False)
        except (OSError, WdError) as error:
            state.say("", f"the metrics cannot be written: {error}", "WARNING")


def text(state: LoopState) -> str:
    rows: dict[str, list[str]] = {name: [] for name in _HELP}
    for watched in tuple(state.services.values()):
        for name, labels, value in _of_service(watched):
            rows[name].append(f"{name}{{{labels}}} {value}")
    counts = state.counts
    for word in ("asked", "unknown", "skipped", "late", "discarded", "runs", "given_up"):
        rows[f"wd_{word}_total"].append(f"wd_{word}_total {getattr(counts, word)}")
    lines = []
    for name, (kind, told) in _HELP.items():
        if rows[name]:
            lines += [f"# HELP {name} {told}", f"# TYPE {name} {kind}", *rows[name]]
    return "\n".join(lines) + "\n"


def _of_service(watched: Watched) -> Iterator[tuple[str, str, float]]:
    service = f'service="{_escaped(watched.name)}"'
    yield "wd_service_state", service, _LEVELS[watched.level]
    yield "wd_service_given_up", service, int(watched.stored.gave_up is not None)
    for name, sample in tuple(watched.latest.items()):
        labels = f'{service},probe="{_escaped(name)}"'
        yield "wd_probe_seconds", labels, round(sample.seconds, 6)
        yield "wd_probe_failed", labels, int(sample.verdict == "failed")
        if sample.value is not None:
            yield "wd_probe_value", f'{labels},unit="{_escaped(sample.unit)}"', sample.value


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
