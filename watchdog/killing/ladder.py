"""Ends what the plan names, by ever harder means, and proves it.

SIGTERM (and SIGCONT for what is stopped), a grace in which new children are taken too, then everything that is left is
frozen, gets SIGKILL, and a sweep follows until two looks in a row find nothing more.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable
from dataclasses import dataclass

from watchdog.killing import proof
from watchdog.killing.kin import Kin
from watchdog.killing.stillness import Patience
from watchdog.model.errors import Refused, WdError
from watchdog.model.killing import Doomed, Ended, KillPlan, KillResult, Outcome, Spared
from watchdog.model.process import Process
from watchdog.policy import guards
from watchdog.system import clock, commands, lineage, managers, processes, signals
from watchdog.system.clock import Deadline
from watchdog.system.freeze import Freezer
from watchdog.system.signals import Hold


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds that each part may take at most."""

    grace: float = 3600.0  # the plan's own, where that is less
    watch: float = 0.05  # between two looks
    freeze: float = 2.0
    finish: float = 10.0  # from SIGKILL to the last look
    ports: float = proof.PATIENCE


def execute(plan: KillPlan, say: Callable[[str], None], times: Times | None = None) -> KillResult:
    """Do what the plan says; the very plan that a dry run shows. Failed if wd has no descriptors left to hold with.

    Nothing is signalled when a guard refuses, or when the first process of the plan has become another program.
    """
    if plan.refusals:
        return KillResult("refused", message="; ".join(plan.refusals), plan=plan)
    if not plan.doomed:
        return KillResult("nothing", message="nothing to end", plan=plan)
    ladder = _Ladder(plan, say, times or Times())
    try:
        return ladder.climb()
    finally:
        ladder.close()


class _Ladder:
    def __init__(self, plan: KillPlan, say: Callable[[str], None], times: Times) -> None:
        self._plan, self._say, self._times = plan, say, times
        self._began = clock.monotonic()
        self._us = guards.ourselves(processes.table())
        self._kin = Kin(plan.tree, self._us, part=plan.worker is not None)
        self._holds: list[Hold] = []
        self._signal: dict[int, str] = {}  # the last one that each pid was sent
        self._denied: set[int] = set()
        self._ended: dict[int, Ended] = {}
        self._notes: list[str] = []
        self._freezer: Freezer | None = None
        self._endless = False  # it still started new processes when the time was over

    def climb(self) -> KillResult:
        try:
            self._take_hold()
        except Refused as refusal:
            return KillResult("refused", message=". ".join(refusal.lines()), plan=self._plan)
        if self._plan.through:
            self._through_manager()
        else:
            if not self._plan.force:
                if refusal_text := self._ask():
                    return KillResult("refused", message=refusal_text, plan=self._plan)
                self._watch()
            self._freeze()
            self._finish()
        return self._result()

    def close(self) -> None:
        if self._freezer is not None:
            self._freezer.close()
        for held in self._holds:
            held.close()

    def _take_hold(self) -> None:
        for doomed in self._plan.doomed:
            held = signals.hold(doomed.process.pid, doomed.process.identity, allow_unsafe=self._plan.allow_unsafe)
            if held is not None and self._has_moved(held, doomed):
                held.close()
                held = None
            if held is None:
                note = doomed.note if doomed.process.state in "ZX" else "had already ended"
                self._ended[doomed.process.pid] = Ended(doomed.process.pid, "", 0.0, doomed.process.command, note)
            else:
                self._holds.append(held)
                self._kin.add(held)

    @staticmethod
    def _has_moved(held: Hold, doomed: Doomed) -> bool:
        """A start time counts in hundredths of a second: within one of them a pid can pass to a second process.

        That one has another parent; ours changes its parent only when the old one ends.
        """
        before = doomed.process.parent
        return held.process.parent != before and processes.read(before) is not None

    def _ask(self) -> str:
        """SIGTERM for all, the root first: it must not replace workers that end before it. A refusal, or nothing."""
        found = {one.process.pid: one for one in self._plan.doomed}
        self._say(f"SIGTERM to {_count(len(self._holds), 'process', 'processes')}")
        for place, held in enumerate(tuple(self._holds)):
            doomed = found[held.pid]
            # A child is the server's, whatever it has become; the root was chosen for the program it ran.
            chosen = place == 0 or doomed.role == "orphan"
            if self._term(held, doomed if chosen else None) == "changed":
                if place == 0:
                    return f"pid {held.pid} has become another program since it was found: nothing was signalled"
                self._say(f"pid {held.pid} has become another program since it was found: it is left alone")
                self._holds.remove(held)
        return ""

    def _term(self, held: Hold, as_found: Doomed | None = None) -> signals.Sent:
        sent = signals.send(held, signal.SIGTERM, as_found=as_found.process if as_found else None)
        self._heed(held, sent, "TERM")
        if sent == "sent" and held.process.state == "T":
            signals.send(held, signal.SIGCONT)  # a stopped process takes no SIGTERM before it goes on
        return sent

    def _watch(self) -> None:
        """The grace: over as soon as all are gone, or waiting has no use."""
        grace = min(self._plan.grace, self._times.grace)
        deadline, patience, pause = Deadline(grace), Patience(self._plan.hung), self._times.watch
        while not deadline.over and (alive := self._wait(min(pause, deadline.left))):
            look = clock.monotonic()
            for newcomer in self._scan():
                self._term(newcomer)
            # On a machine with very many processes the looks must not use up the machine.
            pause = max(self._times.watch, 4 * (clock.monotonic() - look))
            elapsed = grace - deadline.left
            if elapsed > 2 * self._times.watch:
                self._freezer = self._freezer or Freezer()  # its start takes a moment: do it while we wait
            if patience.is_pointless([held.pid for held in alive], elapsed):
                return

    def _freeze(self) -> None:
        """Stop what is left, until a look finds nobody new: what stands still cannot fork while it is killed."""
        if not self._alive():
            return
        self._freezer = self._freezer or Freezer()
        deadline = Deadline(self._times.freeze)
        if not self._freezer.armed(deadline.left):
            self._notes.append("nothing was frozen before SIGKILL: the guard process did not start")
            return
        fresh = self._alive()
        while fresh and not deadline.over:
            for held in fresh:
                self._freezer.stop(held)
            fresh = self._scan()

    def _finish(self) -> None:
        """SIGKILL, and again for whoever appears, until two looks in a row find nobody."""
        deadline, empty, first = Deadline(self._times.finish), 0, self._alive()
        if first:
            self._say(f"SIGKILL to {_count(len(first), 'process', 'processes')}")
            self._kill_group()
        for held in first:
            self._kill(held)
        while empty < 2:
            if deadline.over:
                if not self._alive():
                    self._endless = True
                break
            alive = self._wait(self._times.watch)
            fresh = self._scan(and_ports=not alive)
            for held in fresh:
                self._kill(held)
            empty = 0 if fresh or alive else empty + 1
            if not fresh and alive and {held.pid for held in alive} <= self._denied:
                break

    def _kill(self, held: Hold) -> None:
        self._heed(held, signals.send(held, signal.SIGKILL), "KILL")

    def _kill_group(self) -> None:
        """Where the server has a control group to itself the kernel ends all of it at once, forks in flight too."""
        group = self._kin.group
        known = {held.pid for held in self._holds}
        if group is not None and lineage.group_members(group) <= known and signals.kill_group(group):
            for held in self._alive():
                self._signal[held.pid] = "KILL"

    def _through_manager(self) -> None:
        """Its manager would start it again: so the manager is asked, and only the manager."""
        manager = self._plan.tree.manager
        orders = managers.orders(manager) if manager else None
        assert orders is not None  # the plan has refused otherwise
        self._say(f"asking its manager: {self._plan.through}")
        argv = orders.end if self._plan.force else tuple(shlex.split(self._plan.through))
        deadline = Deadline(self._plan.grace)
        done = commands.run(argv, timeout=max(1.0, self._plan.grace))
        if done.error or (done.code and not self._plan.force):
            self._notes.append(f"{shlex.join(argv)}: {done.error or done.output.strip()[-300:] or f'code {done.code}'}")
        if self._wait(deadline.left):
            self._say(f"not ended by it: {shlex.join(orders.end)}")
            commands.run(orders.end, timeout=self._times.finish)
        # After its end by force the manager must still hear that it is to stay down.
        commands.run(orders.stop, timeout=self._times.finish)
        self._wait(self._times.finish)

    def _scan(self, and_ports: bool = False) -> list[Hold]:
        """Take hold of members that are new since the last look."""
        table = processes.table()
        found = self._kin.newcomers(table)
        if and_ports and not found:
            found = self._kin.port_holders(table)
        taken = [held for process in found if (held := self._take(process))]
        if taken:
            self._say(f"found {_count(len(taken), 'more process', 'more processes')} of this server")
        return taken

    def _take(self, process: Process) -> Hold | None:
        try:
            held = signals.hold(process.pid, process.identity, allow_unsafe=self._plan.allow_unsafe)
        except WdError as error:
            self._notes.append(str(error))
            return None
        if held is None or not self._kin.is_still_kin(held):
            if held is not None:
                held.close()
            return None
        self._holds.append(held)
        self._kin.add(held)
        return held

    def _wait(self, seconds: float) -> tuple[Hold, ...]:
        alive = signals.wait_gone(self._holds, seconds)
        self._write_down()
        return alive

    def _alive(self) -> list[Hold]:
        return [held for held in self._holds if not held.gone]

    def _heed(self, held: Hold, sent: signals.Sent, name: str) -> None:
        if sent == "sent":
            self._signal[held.pid] = name
        elif sent == "denied":
            self._denied.add(held.pid)

    def _write_down(self) -> None:
        passed = clock.monotonic() - self._began
        for held in self._holds:
            if held.pid not in self._ended and held.gone:
                name = self._signal.get(held.pid, "")
                self._ended[held.pid] = Ended(held.pid, name, passed, self._command(held))

    def _command(self, held: Hold) -> str:
        known = next((one.process for one in self._plan.doomed if one.process.pid == held.pid), held.process)
        return known.command

    def _result(self) -> KillResult:
        self._write_down()
        survivors = tuple(proof.survivor(held, held.pid in self._denied) for held in self._alive())
        # A port cannot get free while somebody who holds it lives on: then one look is enough.
        held_ports = proof.free_ports(self._plan, self._say, 0.0 if survivors else self._times.ports)
        unreaped = {held.pid: proof.not_reaped(held) for held in self._holds if held.gone}
        killed = tuple(
            Ended(one.pid, one.signal, one.seconds, one.command, one.note or unreaped.get(one.pid, ""))
            for one in self._ended.values()
        )
        proven = not survivors and not self._endless and all(free for _, free in held_ports)
        outcome: Outcome = "done" if proven else "failed"
        return KillResult(
            outcome,
            killed,
            survivors,
            held_ports,
            clock.monotonic() - self._began,
            self._message(killed, survivors, held_ports),
            self._plan,
        )

    def _message(
        self, killed: tuple[Ended, ...], survivors: tuple[Spared, ...], held_ports: tuple[tuple[int, bool], ...]
    ) -> str:
        parts = [f"{_count(len(killed), 'process', 'processes')} ended"]
        parts += [f"pid {one.pid} is still there: {one.reason}" for one in survivors]
        if self._endless:
            parts.append("it starts new processes faster than they can be ended")
        if reason := proof.why_held(held_ports):
            parts.append(reason)
        elif held_ports:
            parts.append(f"port {', '.join(str(port) for port, _ in held_ports)} is free")
        return "; ".join(parts + self._notes)


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
