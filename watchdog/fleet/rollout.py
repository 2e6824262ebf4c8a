"""The batches of a run, one after the other: the budget is asked before each host, a proof follows each batch."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from watchdog.fleet import one_run, proof
from watchdog.fleet.carry import Parcels
from watchdog.fleet.ledger import Ledger
from watchdog.fleet.plan import is_spent, lost
from watchdog.fleet.records import ENDED, Host, HostRun, Plan
from watchdog.fleet.shared import NoSlots, Slots
from watchdog.fleet.side_by_side import side_by_side
from watchdog.fleet.table import of_host
from watchdog.text.units import counted

Say = Callable[[str], None]
_MARKS = {"ok": "✓", "failed": "✗", "unreachable": "✗", "silent": "?"}


class Rollout:
    """One controller's work on a run, from its first batch or from where it was left."""

    def __init__(
        self,
        plan: Plan,
        hosts: Mapping[str, Host],
        ledger: Ledger,
        parcels: Parcels,
        say: Say,
        slots: Slots | NoSlots | None = None,
    ) -> None:
        self._slots = slots or NoSlots()
        self.plan, self.hosts, self.ledger, self.parcels = plan, hosts, ledger, parcels
        self.stopped = ""  # why no further host is begun
        self._say = say
        self._counting = threading.Lock()

    def go(self) -> None:
        """All batches; then those that were silent are asked once more. Every result is in the ledger."""
        self._finish([name for name in self.plan.hosts if self._run(name).stage in ("begun", "silent")])
        for number, batch in enumerate(self.plan.batches, 1):
            todo = [name for name in batch if self._run(name).stage in ("waiting", "unreachable")]
            if not todo:
                continue
            if self._is_over():
                break
            self._say(f"batch {number} of {len(self.plan.batches)}: {counted(len(todo), 'host')}")
            for _ in side_by_side(self._begin, todo, self.plan.at_once):
                pass
            if not self._is_over():
                self._prove()
        self._finish([name for name in self.plan.hosts if self._run(name).stage == "silent"])

    def _run(self, name: str) -> HostRun:
        return self.ledger.runs[name]

    def _is_over(self) -> bool:
        if not self.stopped and is_spent(self.plan, self.ledger.runs.values()):
            count = counted(len(lost(self.ledger.runs.values())), "host")
            self.stopped = f"{count} failed, could not be reached or is silent, and {self.plan.max_failed} may"
            self._say(f"no further host is begun: {self.stopped}")
        return bool(self.stopped)

    def _begin(self, name: str) -> None:
        """One host, unless the budget is spent by now."""
        with self._slots.held(name, lambda: bool(self.stopped)) as reason:
            with self._counting:
                if reason and not self.stopped:
                    self.stopped = reason
                    self._say(f"no further host is begun: {reason}")
                if self._is_over():
                    return
                self.ledger.note(replace(self._run(name), stage="begun", text=""))
            self._follow(name, begin=True)

    def _finish(self, names: Sequence[str]) -> None:
        """What has begun is finished, whatever the budget says."""
        for _ in side_by_side(lambda name: self._follow(name, begin=False), names, self.plan.at_once):
            pass

    def _follow(self, name: str, *, begin: bool) -> None:
        before, host = self._run(name), self.hosts.get(name)
        if host is None:
            self.ledger.note(replace(before, stage="silent", text="it is no longer in the inventory"))
            return
        found = one_run.follow(before, host, self.plan, self.parcels, begin=begin, say=lambda t: self._step(name, t))
        if found.stage in ENDED:
            folder = self.ledger.host_folder(name)
            found = one_run.fetch(found, host, self.plan, self.parcels, folder) if found.files else found
            found = replace(found, late=before.stage == "silent")
        with self._counting:
            self.ledger.note(self._once(found))
        late = "  (late)" if found.late else ""
        self._say(
            f"  {_MARKS.get(found.stage, '–')} {name}  {found.outcome or found.stage}  {of_host(found.text)}{late}"
        )

    def _once(self, found: HostRun) -> HostRun:
        """The same machine and account by another name has the same run: it counts once."""
        for other in self.ledger.runs.values():
            if found.identity and other.host != found.host and not other.same_as and other.identity == found.identity:
                one, two = self.hosts.get(other.host), self.hosts.get(found.host)
                if one and two and one.home == two.home:
                    return replace(found, same_as=other.host)
        return found

    def _step(self, name: str, step: str) -> None:
        self._say(f"    {name}: {of_host(step)}")

    def _prove(self) -> None:
        for one in self.plan.proofs:
            if reason := proof.fails(one, self.plan.proof_within):
                self.stopped = f"the proof after the batch does not hold: {reason}"
                self._say(f"no further host is begun: {self.stopped}")
                return
