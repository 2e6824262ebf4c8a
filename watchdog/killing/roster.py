"""Who is held, what each was sent, and who has ended: the bookkeeping of one kill."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from watchdog.killing import proof
from watchdog.killing.family import ServerFamily
from watchdog.model.errors import WdError
from watchdog.model.killing import Doomed, Ended, KillPlan, Survivor
from watchdog.model.process import Identity, Process
from watchdog.policy import guards
from watchdog.system import clock, holds
from watchdog.system.holds import Hold
from watchdog.system.process import lineage, processes
from watchdog.system.signals import Sent

_FEW = 32  # of the newest pids: a process that lives for a moment is among them, or has ended
Name = Literal["TERM", "KILL"]


class Roster:
    """The processes of the plan, and those found since."""

    def __init__(self, plan: KillPlan, say: Callable[[str], None]) -> None:
        self._plan, self._say = plan, say
        self._began = clock.monotonic()
        self._commands = {one.process.identity: one.process.command for one in plan.doomed}
        self.family = ServerFamily(plan.tree, guards.ourselves(), part=plan.worker is not None)
        self._living: dict[Identity, Hold] = {}
        self._last_signal: dict[Identity, Name] = {}
        self._denied: set[Identity] = set()
        self._ended: dict[Identity, Ended] = {}
        self._newest = 0  # the highest pid seen so far
        self.may_have_missed = False  # somebody was born during the last look at everybody
        self.notes: list[str] = []

    @property
    def seconds(self) -> float:
        """Since the kill began."""
        return clock.monotonic() - self._began

    @property
    def living(self) -> list[Hold]:
        """Those that have not ended, the oldest first."""
        self._write_down()
        return list(self._living.values())

    @property
    def stuck(self) -> bool:
        """Whether all that live are beyond our rights: then there is nothing to wait for."""
        living = self.living
        return bool(living) and all(held.identity in self._denied for held in living)

    def close(self) -> None:
        for held in self._living.values():
            held.close()

    def take_doomed(self) -> None:
        """Hold everybody that the plan names. Refused or Failed (no descriptor left) before anything was signalled."""
        for doomed in self._plan.doomed:
            process = doomed.process
            held = holds.hold(process.pid, process.identity, allow_unsafe=self._plan.allow_unsafe)
            if held is not None and _is_another(held, doomed):
                held.close()
                held = None
            if held is None:
                note = doomed.note if process.ended else "had already ended"
                self._ended[process.identity] = Ended(process.pid, "", 0.0, process.command, note)
            else:
                self._add(held)

    def forget(self, held: Hold) -> None:
        """Leave that one alone: it is not the process that was meant."""
        self._living.pop(held.identity, None)
        held.close()

    def send(self, held: Hold, number: int, name: Name, as_found: Process | None = None) -> Sent:
        sent = holds.send(held, number, as_found=as_found)
        if sent == "sent":
            self._last_signal[held.identity] = name
        elif sent == "denied":
            self._denied.add(held.identity)
        return sent

    def all_were_sent(self, name: Name) -> None:
        """The kernel has sent it to everybody at once."""
        for identity in self._living:
            self._last_signal[identity] = name

    def wait(self, seconds: float) -> list[Hold]:
        """Wait until all have ended, at most so long; those that live."""
        holds.wait_gone(self._living.values(), seconds)
        return self.living

    def look(self, and_ports: bool = False) -> list[Hold]:
        """Members that are new since the last look, the youngest first: it is the one that forks next."""
        self._newest = lineage.newest_pid()  # first: who is born during this look belongs to the next one
        table = processes.recent_table()
        found = self.family.newcomers(table)
        self.may_have_missed = self.family.missed or lineage.newest_pid() != self._newest
        if and_ports and not found:
            found = self.family.port_holders(table)
        return self._take_all(found)

    def look_at_the_youngest(self, act: Callable[[Hold], object]) -> bool:
        """Act on members among the pids that were given since the last such look, each as soon as it is seen.

        Far quicker than a look at everybody. Who was born during that one, and lives on, is found by the next one.
        """
        newest = lineage.newest_pid()
        before, self._newest = max(self._newest, newest - _FEW), newest
        found = False
        for pid in range(newest, before, -1):
            table = processes.thin_table((pid,))
            row = table.rows.get(pid)
            if row is not None and self.family.newcomer(row, table) and (held := self._take(table[pid])):
                act(held)
                found = True
        return found

    def survivors(self) -> tuple[Survivor, ...]:
        """Who still lives, with the reason that the kernel gives."""
        return tuple(
            proof.survivor(
                held, self._command(held), held.identity in self._denied, self._last_signal.get(held.identity, "")
            )
            for held in self.living
        )

    def ended(self) -> tuple[Ended, ...]:
        """Everybody that is gone, with who should take it away where nobody did yet."""
        self._write_down()
        return tuple(
            Ended(one.pid, one.signal, one.seconds, one.command, one.note or proof.not_reaped(identity))
            for identity, one in self._ended.items()
        )

    def _take_all(self, found: list[Process]) -> list[Hold]:
        found.sort(key=lambda one: (one.identity.ticks, one.pid), reverse=True)
        taken = [held for process in found if (held := self._take(process))]
        self.family.missed = self.family.missed or len(taken) < len(found)  # it may have forked before it ended
        if taken:
            self._say(f"found {len(taken)} more of this server")
        return taken

    def _take(self, process: Process) -> Hold | None:
        try:
            held = holds.hold(process.pid, process.identity, allow_unsafe=self._plan.allow_unsafe)
        except WdError as error:
            self.notes.append(str(error))
            return None
        if held is None or not self.family.still_belongs(held):
            if held is not None:
                held.close()
            return None
        self._add(held)
        return held

    def _add(self, held: Hold) -> None:
        self._living[held.identity] = held
        self.family.add(held)

    def _write_down(self) -> None:
        for identity, held in tuple(self._living.items()):
            if held.gone:
                name = self._last_signal.get(identity, "")
                self._ended[identity] = Ended(held.pid, name, self.seconds, self._command(held))
                del self._living[identity]
                held.close()  # a tree of thousands must not use up our descriptors

    def _command(self, held: Hold) -> str:
        return self._commands.get(held.identity, held.process.command)


def _is_another(held: Hold, doomed: Doomed) -> bool:
    """A start time counts in hundredths of a second: within one of them a pid can pass to a second process.

    That one has another parent; ours changes its parent only when the old one ends, reaped or not.
    """
    before = doomed.process.parent
    if held.process.parent == before:
        return False
    parent = processes.read(before)
    return parent is not None and not parent.ended
