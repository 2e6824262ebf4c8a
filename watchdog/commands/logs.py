"""`wd logs`: the last lines of a service's logs, through the same filter as everything that wd prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.evidence import known
from watchdog.evidence.logs import tails
from watchdog.model.errors import NothingMatched
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.system.disk import following
from watchdog.text.printable import printable
from watchdog.text.redact import redact
from watchdog.text.shown import joined
from watchdog.text.stamps import stamp


def logs(context: Context, options: Mapping[str, Any]) -> StepResult:
    """The newest lines of each log. NothingMatched if the playbook names no log and wd has started nothing."""
    found: list[str] = []
    several = len(paths(context)) > 1
    since = clock.now() - float(options["since"]) if options.get("since") else None
    rows: list[dict[str, Any]] = []
    for log in tails(paths(context)):
        lines = newest(log.text.splitlines(), int(options.get("lines") or 50), since)
        rows.append({"log": log.path, "lines": lines, "error": log.error})
        found += [*([f"==> {log.path} <=="] if several else []), *lines]
        if log.error:
            found.append(f"{log.path}: {log.error}")
    count = sum(len(row["lines"]) for row in rows)
    return StepResult("ok", f"{count} lines", {"lines": count}, tuple(rows), text=joined(found) or "no line")


def paths(context: Context) -> tuple[Path, ...]:
    """The logs of the playbook and start.log, where the service's own output goes."""
    found = tuple(Path(path) for path in known.known_logs(context.playbook, context.state))
    if not found:
        service = context.playbook.service if context.playbook else ""
        raise NothingMatched(
            f"{service} has no log",
            "its playbook has no `logs` and wd has not started it",
            "Add `logs: [FILE]` to its playbook.",
        )
    return found


def newest(lines: Sequence[str], count: int, since: float | None) -> list[str]:
    """The last lines. With `since` those from the first one that is as new: a traceback has no times of its own."""
    if since is None:
        return list(lines[-count:])
    first = next((place for place, line in enumerate(lines) if (stamp(line) or 0.0) >= since), len(lines))
    return list(lines[first:])


class Follower:
    """New lines of several logs, over rotation and truncation."""

    def __init__(self, logs: Sequence[Path]) -> None:
        self._places = {log: following.follow(log, None)[1] for log in logs}

    def new_lines(self) -> Iterator[tuple[Path, str]]:
        """(log, line) of what was written since the last call, without secrets and control characters."""
        for log, place in self._places.items():
            text, self._places[log], _ = following.follow(log, place or following.Place(0, 0, 0))
            for line in redact(text).removesuffix("\n").split("\n") if text else ():
                yield log, printable(line)
