"""What is known of a service before a look: its playbook's facts, its logs, the ends of earlier starts."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.model.errors import WdError
from watchdog.model.evidence import Configured, Exit
from watchdog.model.playbook import Playbook, Start
from watchdog.system import clock
from watchdog.system.host import accounts
from watchdog.system.shim import records as starts

if TYPE_CHECKING:
    from watchdog.journal.store import Journal

_LONGEST_RUN = 3600.0  # seconds: a run may end what it has started itself


def configured(playbook: Playbook | None) -> Configured:
    """What the playbook says, as far as evidence and diagnosis need it."""
    if playbook is None:
        return Configured()
    memory = playbook.memory_limit
    health = next(iter(playbook.http_probes), None)
    found = Configured(
        service=playbook.service,
        cmdline=playbook.find.cmdline,
        regex=playbook.find.regex,
        find_user=playbook.find.user,
        find_cwd=playbook.find.cwd,
        start_command=playbook.start.command,
        port=playbook.find.port,
        url=playbook.url,
        ready_within=playbook.start.ready.within,
        memory_limit=memory if isinstance(memory, int) else None,
        user=_user(playbook.start),
    )
    return replace(found, limit=health.timeout) if health else found


def _user(start: Start) -> str | None:
    """As whom wd would start it; a manager knows that better than we."""
    return start.user or (accounts.user_name(accounts.user_id(None)) if start.command else None)


def known_logs(playbook: Playbook | None, state: Path, named: Iterable[str | Path] = ()) -> tuple[str | Path, ...]:
    """Those that were named, the playbook's, and what the service printed since the shim started it."""
    found = [*named]
    if playbook is not None:
        found += playbook.logs
        start = playbook.start
        printed = Path(start.log) if start.log else starts.folder(state, playbook.service) / "start.log"
        if printed.exists():
            found.append(printed)
    return tuple(dict.fromkeys(str(path) for path in found))


def known_exits(playbook: Playbook | None, state: Path, journal: Journal | None) -> tuple[Exit, ...]:
    """The ends of earlier starts, as the shim has noted them, and whether a run of wd was the cause."""
    if playbook is None:
        return ()
    noted = starts.up_to_date(starts.folder(state, playbook.service), clock.now())[-50:]
    ends = [(one, one.ended) for one in noted if one.ended is not None]
    since = min((one.started for one, _ in ends), default=0.0)
    ended = _ended_by_runs(state, journal, since - _LONGEST_RUN) if ends else ()
    return tuple(
        Exit(
            when=at,
            pid=one.pid,
            code=one.code,
            signal=one.signal,
            lifetime=None if one.end_is_unknown else at - one.started,
            peak_rss=one.peak_rss,
            last_lines=one.last_lines,
            source="shim",
            limit=one.limit,
            by_wd=any(one.pid == pid and begin <= at <= end for pid, begin, end in ended),
        )
        for one, at in ends
    )


def _ended_by_runs(state: Path, journal: Journal | None, since: float) -> tuple[tuple[int, float, float], ...]:
    """(pid, begin, end) of each process that a run ended; none where the journal cannot be read."""
    if journal is not None:
        return journal.ended(since)
    from watchdog.journal.store import FILE, Journal  # here: most looks have no ends to explain

    if not (state / FILE).exists():
        return ()
    with contextlib.suppress(WdError), Journal.open(state) as opened:
        return opened.ended(since)
    return ()
