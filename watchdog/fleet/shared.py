"""What several controllers share: slots of the whole fleet, and the record of each run."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from watchdog.fleet.ledger import Ledger
from watchdog.fleet.records import HostRun, Plan
from watchdog.system import clock

if TYPE_CHECKING:
    from watchdog.store.store import Store

_POOL = "fleet"
_LOOK = 0.5  # seconds between two tries for a slot
_PATIENCE = 600.0  # seconds for a store that does not answer, before no further host is begun
_TO_SEND = 10.0  # seconds at the end of a run for a store that does not answer
Say = Callable[[str], None]


class NoSlots:
    """Without a limit over all controllers."""

    @contextlib.contextmanager
    def held(self, host: str, is_over: Callable[[], bool]) -> Iterator[str]:
        yield ""


class Slots:
    """Rows of the store, renewed while their hosts are at work."""

    def __init__(self, store: Store, plan: Plan, say: Say) -> None:
        self._store, self._plan, self._say = store, plan, say
        self._mine: set[str] = set()
        self._changing = threading.Lock()
        threading.Thread(target=self._renew, daemon=True, name="wd-slots").start()

    @contextlib.contextmanager
    def held(self, host: str, is_over: Callable[[], bool]) -> Iterator[str]:
        """Waits for a slot, then for the block. Gives why there is none; empty if there is one."""
        holder = f"{self._plan.id}/{host}"
        reason = self._take(holder, is_over)
        try:
            yield reason
        finally:
            with self._changing:
                self._mine.discard(holder)
            self._give_back(holder)

    def _take(self, holder: str, is_over: Callable[[], bool]) -> str:
        from watchdog.store import leases
        from watchdog.store.store import Lost

        lost_until: float | None = None
        waits = False
        while not is_over():
            try:
                if self._store.do(lambda c: leases.take(c, _POOL, holder, self._plan.limit_of_all, self._plan.lease)):
                    with self._changing:
                        self._mine.add(holder)
                    return ""
                lost_until = None
                if not waits:
                    waits = True
                    self._say(f"    {holder}: waits, {self._plan.limit_of_all} at a time work over all controllers")
            except Lost as error:
                if lost_until is None:
                    lost_until = clock.monotonic() + _PATIENCE
                    self._say(f"    {holder}: waits, {error.what}: {error.why}")
                elif clock.monotonic() > lost_until:
                    return error.what
            clock.sleep(_LOOK)
        return "no further host is begun"

    def _give_back(self, holder: str) -> None:
        from watchdog.store import leases
        from watchdog.store.store import Lost

        with contextlib.suppress(Lost):  # then its lease runs out
            self._store.do(lambda c: leases.give_back(c, _POOL, holder))

    def _renew(self) -> None:
        from watchdog.store import leases
        from watchdog.store.store import Lost

        while True:
            clock.sleep(self._plan.lease / 4)
            with self._changing, contextlib.suppress(Lost):
                mine = sorted(self._mine)
                if mine:
                    self._store.do(lambda c, mine=mine: leases.renew(c, _POOL, mine, self._plan.lease))  # type: ignore[misc]


def send(store: Store, plan: Plan, ledger: Ledger, controller: str) -> None:
    """The whole run, as often as one likes. Lost if the store does not answer."""
    from watchdog.store import runs

    rows = [_row(plan, run, controller) for run in ledger.runs.values()]
    found = [row for run in ledger.runs.values() if (row := _incident(plan, run, ledger))]

    def put(connection: Any) -> None:
        for row in found:
            runs.put_incident(connection, row)
        runs.put(connection, rows)

    store.do(put)


def send_at_the_end(store: Store, plan: Plan, ledger: Ledger, controller: str) -> str:
    """Why it is not in the store yet; empty if it is."""
    from watchdog.store.store import Lost

    deadline = clock.Deadline(_TO_SEND)
    while True:
        try:
            send(store, plan, ledger, controller)
            return ""
        except Lost as error:
            if deadline.over:
                return f"{error.what}: {error.why}. `wd fleet store forward` sends this run later."
        clock.sleep(_LOOK)


def _row(plan: Plan, run: HostRun, controller: str) -> dict[str, Any]:
    own = {key: getattr(run, key) for key in ("host", "stage", "outcome", "text", "cause", "node", "incident", "late")}
    return {**own, "run": plan.id, "begun": plan.made, "runbook": plan.runbook, "controller": controller}


def _incident(plan: Plan, run: HostRun, ledger: Ledger) -> dict[str, Any] | None:
    """From the report that was fetched."""
    from watchdog.store.forwarding import storable

    try:
        record = json.loads((ledger.host_folder(run.host) / "report.json").read_bytes())
        opened, closed = (_moment(record.get(key)) for key in ("opened", "closed"))
    except (OSError, ValueError, AttributeError):
        return None
    if not run.incident or not run.node or opened is None:
        return None
    return {
        "node": run.node,
        "id": run.incident,
        "opened": opened,
        "closed": closed,
        "service": str(record.get("service") or ""),
        "runbook": plan.runbook,
        "outcome": run.outcome,
        "cause": str(record.get("cause") or ""),
        "digest": "",  # the host's own record will replace it
        "record": storable(record),
    }


def _moment(text: Any) -> float | None:
    return datetime.fromisoformat(text).timestamp() if text else None
