"""What follows when a server's process ends: within milliseconds, not at the next question.

A death that a person or a run of ours meant is none. A master, a manager or a launcher may start the server again by
itself; only when nothing of it is left, it is down.
"""

from __future__ import annotations

from collections.abc import Callable

from watchdog.model.incident import Trigger
from watchdog.model.process import Identity
from watchdog.policy.budget import Life, crash_loop
from watchdog.system import clock
from watchdog.system.deaths import Deaths
from watchdog.watch import looking
from watchdog.watch.acting import Runs
from watchdog.watch.house import House
from watchdog.watch.watched import LIVES, Watched, death_triggers

_HELD = 1.0  # seconds after which a server that somebody else works on is looked at again


class Ends:
    """Watches the processes of services."""

    def __init__(self, house: House, runs: Runs, ask_now: Callable[[Watched], None]) -> None:
        self._house, self._runs, self._ask_now = house, runs, ask_now
        self._deaths = Deaths(self._died)
        self._owners: dict[Identity, str] = {}  # the service's name: a reload makes a new record of it

    def start(self) -> None:
        self._deaths.start()

    def stop(self) -> None:
        self._owners.clear()
        self._deaths.stop()

    def watch(self, watched: Watched) -> None:
        """Watch its first process and those that serve, as they were found last."""
        tree = watched.tree
        for identity in looking.watched_processes(tree) if tree else ():
            if identity in self._owners:
                continue
            self._owners[identity] = watched.name
            if not self._deaths.watch(identity):
                self._died(identity)

    def look_again(self, watched: Watched, told: str) -> None:
        """Whether it is down by now, or up again."""
        if watched.acting:
            return
        if looking.refresh(watched) is None:
            self._is_down(watched, told)
        else:
            self.watch(watched)
            self._ask_now(watched)

    def _died(self, identity: Identity) -> None:
        """Called in the watching thread: only notes it."""
        watched = self._house.services.get(self._owners.pop(identity, ""))
        if watched is not None:
            self._house.beside(lambda: self._after(watched, identity))

    def _after(self, watched: Watched, identity: Identity) -> None:
        before = watched.tree
        ended = (
            next((one.process for one in before.members if one.process.identity == identity), None) if before else None
        )
        tree = looking.refresh(watched)
        meant = watched.acting or self._runs.in_other_hands(watched)
        told = f"pid {identity.pid} ended"
        # A worker that its master replaces while the others serve is no death of the server.
        last = tree is None or tree.root.identity != (before.root.identity if before else None) or not tree.listeners
        loop = None
        if ended is not None and last:
            self._note_life(watched, Life(identity.pid, ended.started, clock.now(), by_itself=not meant))
            loop = crash_loop(watched.lives)
        if watched.acting:
            return  # the run's own doing, or the run's to find out
        if tree is not None:
            self.watch(watched)
        if meant:
            self._house.later(_HELD, lambda: self.look_again(watched, told))
        elif tree is None or loop is not None:
            self._is_down(watched, told)
        else:
            self._ask_now(watched)

    def _note_life(self, watched: Watched, life: Life) -> None:
        with watched.lock:
            watched.lives = [*watched.lives, life][-LIVES:]
            watched.dirty = True
        why = "" if life.by_itself else ", as it was meant to"
        self._house.say(watched.name, f"pid {life.pid} ended after {life.seconds:.1f} s{why}", "WARNING")

    def _is_down(self, watched: Watched, told: str) -> None:
        for trigger in death_triggers(watched.playbook):
            cause = Trigger("death", told, "wd watch", clock.now())
            self._runs.consider(watched, trigger, cause, lambda: self.look_again(watched, told))
