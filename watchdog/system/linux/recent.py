"""The thin table once more, a moment later: only those are read that were born since.

A row says who a process is, who started it and what it runs. If a process is not part of a server, none of that
changes in a way that would make it one, so it need not be read again, as long as its pid still belongs to it. The
kernel gives pids in order: one passes to another process only after the counter has gone round, at its end or whole.
"""

from __future__ import annotations

import time

from watchdog.model.records import record
from watchdog.system.linux import lineage, processes
from watchdog.system.process.table import Row

_SHARE = 4  # a quarter of all pids given between two looks is far from a whole round, also with forks that failed
_LASTS = 5.0  # seconds after which everybody is read again in any case
_YOUNG = 10  # hundredths of a second: who was younger may have started its program since, and is read again


@record(frozen=True)
class _Look:
    rows: dict[int, Row]
    whole: float  # when everybody was read, on the monotonic clock
    ticks: int  # when this look began, in the unit of start times
    newest: int  # the pid given last before that
    forks: int  # those of all time before that


_last: _Look | None = None


def whole() -> dict[int, Row]:
    """Everybody, read now."""
    return _keep(time.monotonic(), None)


def again() -> dict[int, Row]:
    """Everybody who is there now; read again are only those who may be new since the last look of this program."""
    return _keep(time.monotonic(), _last)


def _keep(began: float, before: _Look | None) -> dict[int, Row]:
    global _last
    ticks, newest, forks = lineage.ticks_now(), lineage.newest_pid(), lineage.forks()
    rows = _continued(before, began) if before is not None else None
    since = before.whole if before is not None and rows is not None else began
    if rows is None:
        rows = processes.rows()
    _last = _Look(rows, since, ticks, newest, forks)
    return rows


def _continued(before: _Look, began: float) -> dict[int, Row] | None:
    """None where a pid may have passed to another process since, or too much time has gone by."""
    if began - before.whole > _LASTS:
        return None
    pids = processes.pids()
    known = before.rows
    fresh = [pid for pid in pids if pid not in known or known[pid].identity.ticks > before.ticks - _YOUNG]
    read = processes.rows(fresh)
    newest, forks = lineage.newest_pid(), lineage.forks()
    gone_round = newest < before.newest or (forks - before.forks) * _SHARE >= processes.pid_max()
    if gone_round or not newest or not forks:
        return None
    unread = {*fresh} - read.keys()  # gone meanwhile
    return {pid: read.get(pid) or known[pid] for pid in pids if pid not in unread}
