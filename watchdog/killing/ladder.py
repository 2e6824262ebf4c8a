"""Ends what the plan names, by ever harder means, and proves it.

SIGTERM (and SIGCONT for what is stopped), a grace in which new children are taken too, then everything that is left is
frozen, gets SIGKILL, and a sweep follows until two looks in a row find nothing more.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from watchdog.killing import proof
from watchdog.killing.roster import Roster
from watchdog.model.errors import Refused
from watchdog.model.killing import Ended, KillPlan, KillResult, Orders, Outcome, Survivor
from watchdog.model.process import Process
from watchdog.model.records import record
from watchdog.system import clock, holds, signals
from watchdog.system.clock import Deadline
from watchdog.system.freeze import Freezer
from watchdog.system.holds import Hold
from watchdog.system.host import managers
from watchdog.system.process import lineage

if TYPE_CHECKING:
    from watchdog.killing.grace import GraceMonitor

_CHASE = 0.5  # seconds for looks at the youngest only, between two looks at everybody
_PASSES = 50  # looks at the youngest without a find, at least
_QUIET = 0.05  # seconds of such looks without a find, where somebody is known to have escaped the look at everybody


@record(frozen=True)
class Times:
    """Seconds that each part may take at most."""

    grace: float = 3600.0  # the plan's own, where that is less
    watch: float = 0.05  # between two looks
    freeze: float = 2.0
    finish: float = 10.0  # from SIGKILL to the last look
    ports: float = proof.PATIENCE


def execute(
    plan: KillPlan, say: Callable[[str], None], times: Times | None = None, freezer: Freezer | None = None
) -> KillResult:
    """Do what the plan says; the very plan that a dry run shows. Failed if wd has no descriptors left to hold with.

    Nothing is signalled when a guard refuses, or when the first process of the plan has become another program.
    `freezer`: one that was begun before, so that its start takes no time now; it is closed here.
    """
    if plan.refusals:
        return KillResult("refused", message="; ".join(plan.refusals), plan=plan)
    if not plan.doomed:
        return KillResult("nothing", message="nothing to end", plan=plan)
    ladder, done = _Ladder(plan, say, times or Times(), freezer), False
    try:
        result = ladder.climb()
        done = True
    finally:
        ladder.close(done)
    return result


class _Ladder:
    def __init__(self, plan: KillPlan, say: Callable[[str], None], times: Times, freezer: Freezer | None) -> None:
        self._plan, self._say, self._times = plan, say, times
        self._roster = Roster(plan, say)
        self._freezer = freezer
        self._endless = False  # it still started new processes when the time was over

    def climb(self) -> KillResult:
        try:
            self._roster.take_doomed()
        except Refused as refusal:
            return KillResult("refused", message=". ".join(refusal.lines()), plan=self._plan)
        if self._plan.orders:
            self._through_manager(self._plan.orders)
        else:
            if not self._plan.force and signals.CAN_ASK:
                from watchdog.killing.grace import GraceMonitor  # here: by force there is no grace

                monitor = GraceMonitor(self._plan.hung, self._plan.guilty)
                if problem := self._ask(monitor):
                    return KillResult("refused", message=problem, plan=self._plan)
                self._watch(monitor)
            self._freeze()
            self._finish()
        return self._result()

    def close(self, done: bool) -> None:
        """Not `done`: Ctrl-C fell into it. A process that is stopped by now must not stay so."""
        if self._freezer is not None:
            self._freezer.close(done=done)
        self._roster.close()

    def _ask(self, monitor: GraceMonitor) -> str:
        """SIGTERM for all, the root first: it must not replace workers that end before it. A refusal, or nothing."""
        found = {one.process.identity: one for one in self._plan.doomed}
        living = self._roster.living
        monitor.remember([held.pid for held in living])
        self._say(f"SIGTERM to {_count(len(living))}")
        for held in living:
            doomed = found[held.identity]
            # A child is the server's, whatever it has become; the root was chosen for the program it ran.
            is_root = held.identity == self._plan.tree.root.identity
            chosen = doomed.process if is_root or doomed.role == "orphan" else None
            if self._term(held, chosen) == "changed":
                if is_root:
                    return f"pid {held.pid} has become another program since it was found: nothing was signalled"
                self._say(f"pid {held.pid} has become another program since it was found: it is left alone")
                self._roster.forget(held)
        return ""

    def _term(self, held: Hold, as_found: Process | None = None) -> signals.Sent:
        sent = self._roster.send(held, signals.TERM, "TERM", as_found)
        if sent == "sent" and held.process.state == "T":
            holds.send(held, signals.CONT)  # a stopped process takes no SIGTERM before it goes on
        return sent

    def _watch(self, monitor: GraceMonitor) -> None:
        """The grace: over as soon as all are gone, or waiting has no use."""
        grace = min(self._plan.grace, self._times.grace)
        deadline, pause = Deadline(grace), self._times.watch
        while not deadline.over and (living := self._roster.wait(min(pause, deadline.left))):
            look = clock.monotonic()
            for newcomer in self._roster.look():
                self._term(newcomer)
            # On a machine with very many processes the looks must not use up the machine.
            pause = max(self._times.watch, 4 * (clock.monotonic() - look))
            elapsed = grace - deadline.left
            if elapsed > 2 * self._times.watch:
                self._freezer = self._freezer or Freezer()  # its start takes a moment: do it while we wait
            if monitor.cannot_succeed([held.pid for held in living], elapsed):
                return

    def _freeze(self) -> None:
        """Stop what is left, until a look finds nobody new: what stands still cannot fork while it is killed."""
        fresh = self._roster.living
        if not fresh or not Freezer.POSSIBLE:
            return
        self._freezer = freezer = self._freezer or Freezer()
        deadline = Deadline(self._times.freeze)
        if not freezer.armed(deadline.left):
            self._roster.notes.append("nothing was frozen before SIGKILL: the guard process did not start")
            return
        for held in fresh:
            freezer.stop(held)
        while not deadline.over and self._sweep(lambda held: freezer.stop(held)):
            pass

    def _finish(self) -> None:
        """SIGKILL, and again for new processes, until two looks in a row find nobody."""
        deadline, empty, needed = Deadline(self._times.finish), 0, 2
        if first := self._roster.living:
            self._say(f"{'SIGKILL to' if signals.CAN_ASK else 'ending'} {_count(len(first))}")
            self._kill_group()
        for held in first:
            self._kill(held)
        while empty < needed and not self._roster.stuck:
            if deadline.over:
                self._endless = not self._roster.living
                break
            living = self._roster.wait(self._times.watch)
            fresh = self._sweep(self._kill, and_ports=not living)
            if fresh:
                needed = 4  # one that forks this fast may have been missed by a look
            empty = 0 if fresh or living or self._roster.family.is_served_by_nobody() else empty + 1

    def _sweep(self, act: Callable[[Hold], object], and_ports: bool = False) -> bool:
        """Look at everybody; where somebody new is found, or ended too soon, chase what was forked meanwhile."""
        fresh = self._roster.look(and_ports)
        found = bool(fresh)
        for held in fresh:
            act(held)
        chase, quiet = Deadline(_CHASE), Deadline(self._chase_for(and_ports) if not fresh else _QUIET)
        passes = _PASSES if quiet.over else 0  # on a busy machine the time alone says little
        while (passes < _PASSES or not quiet.over) and not chase.over:
            passes += 1
            if self._roster.look_at_the_youngest(act):
                found, quiet, passes = True, Deadline(_QUIET), 0
        return found

    def _chase_for(self, and_ports: bool) -> float:
        """Seconds without a find after which a chase is over, where the look at everybody has found nobody."""
        family = self._roster.family
        if and_ports and family.is_served_by_nobody():
            return _CHASE
        return _QUIET if self._roster.may_have_missed else 0.0

    def _kill(self, held: Hold) -> None:
        self._roster.send(held, signals.KILL, "KILL")

    def _kill_group(self) -> None:
        """Where the server has a control group to itself the kernel ends all of it at once, forks in flight too."""
        group = self._roster.family.group
        known = {held.pid for held in self._roster.living}
        if group is not None and lineage.group_members(group) <= known and signals.kill_group(group):
            self._roster.all_were_sent("KILL")

    def _through_manager(self, orders: Orders) -> None:
        """Its manager would start it again: so the manager gets an order, and nobody gets a signal from us."""
        argv = self._plan.through
        self._say(f"asking its manager: {shlex.join(argv)}")
        deadline = Deadline(min(self._plan.grace, self._times.grace))
        done = managers.tell(argv, max(1.0, deadline.left))
        if not done.ok and not done.timed_out:
            why = done.error or done.output.strip()[-300:] or f"code {done.code}"
            self._roster.notes.append(f"{shlex.join(argv)}: {why}")
        if self._roster.wait(deadline.left):
            self._say(f"not ended by it: {shlex.join(orders.end)}")
            managers.tell(orders.end, self._times.finish)
        # After its end by force the manager must still hear that it is to stay down.
        managers.tell(orders.stop, self._times.finish)
        self._roster.wait(self._times.finish)

    def _result(self) -> KillResult:
        survivors = self._roster.survivors()
        # A port cannot get free while somebody who holds it lives on: then one look is enough.
        held_ports = proof.free_ports(self._plan, self._say, 0.0 if survivors else self._times.ports)
        ended = self._roster.ended()
        proven = not survivors and not self._endless and all(free for _, free in held_ports)
        outcome: Outcome = "done" if proven else "failed"
        message = self._message(ended, survivors, held_ports)
        return KillResult(outcome, ended, survivors, held_ports, self._roster.seconds, message, self._plan)

    def _message(
        self, ended: tuple[Ended, ...], survivors: tuple[Survivor, ...], held_ports: tuple[tuple[int, bool], ...]
    ) -> str:
        parts = [f"{_count(len(ended))} ended"]
        parts += [f"pid {one.pid} is still there: {one.reason}" for one in survivors]
        if self._endless:
            parts.append("it starts new processes faster than they can be ended")
        if reason := proof.why_held(held_ports):
            parts.append(reason)
        elif held_ports:
            parts.append(f"port {', '.join(str(port) for port, _ in held_ports)} is free")
        return "; ".join(parts + self._roster.notes)


def _count(number: int) -> str:
    return f"{number} process{'' if number == 1 else 'es'}"
