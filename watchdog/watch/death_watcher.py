"""What follows when a server's process ends: within milliseconds, not at the next question.

An end that a person or a run of wd wanted is not a death. A master, a manager or a launcher may start the server
again by itself; only when nothing of it is left, it is down.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import replace

from watchdog.model.incident import CRASH_LOOP, Trigger
from watchdog.model.launching import ShimRecord
from watchdog.model.process import Identity, Tree
from watchdog.policy.budget import CrashLoop, Life, crash_loop
from watchdog.probes import registry
from watchdog.report.availability import availability
from watchdog.starting import launch
from watchdog.system import clock, signals
from watchdog.system.host import kernel_log
from watchdog.system.process import processes
from watchdog.system.process.deaths import Deaths
from watchdog.system.shim import heard
from watchdog.text.language import speaking, translated
from watchdog.text.retelling import retold
from watchdog.text.units import format_duration
from watchdog.watch import looking
from watchdog.watch.calling import call_a_person
from watchdog.watch.loop_messages import AskNow, Trouble
from watchdog.watch.loop_state import LoopState
from watchdog.watch.standby_starter import StandbyStarter
from watchdog.watch.watched import LIVES, Watched, death_triggers

_REMEMBERED = 1000  # ends
_NOTED = 0.5  # seconds within which a shim has written down how its process ended
_HELD = 1.0  # seconds after which a server that somebody else works on is looked at again


class DeathWatcher:
    """Watches the processes of services."""

    def __init__(self, state: LoopState) -> None:
        self._state = state
        self._deaths = Deaths(self._died)
        self._owners: dict[Identity, str] = {}  # the service's name: a reload makes a new record of it
        self._handled: deque[Identity] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

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
            self._state.messages.put(AskNow(watched))

    def _look_for_the_wrong_one(self, watched: Watched, told: str) -> None:
        """A wrong program that ended for good leaves its place to the right one; one that comes back has a master,
        and nothing is started beside it: a person is called at once."""
        if watched.acting or looking.refresh(watched) is None or not watched.wrong_program:
            self.look_again(watched, told)
        else:
            self.watch(watched)
            self._is_down(watched, f"{told}, and was started again")

    def _died(self, identity: Identity) -> None:
        """Note the end of a process; the rest is done in another thread.

        A thread that looks at a tree which is just ending calls this too, so the same end may be noted only once.
        """
        with self._lock:
            owner = self._owners.pop(identity, "")
            if identity in self._handled:
                return
            self._handled.append(identity)
        watched = self._state.services.get(owner)
        if watched is not None:
            self._state.beside(lambda: self._after(watched, identity))

    def _after(self, watched: Watched, identity: Identity) -> None:
        before, strange = watched.tree, watched.wrong_program
        ended = (
            next((one.process for one in before.members if one.process.identity == identity), None) if before else None
        )
        gone = before is not None and looking.is_gone(before, watched.playbook)
        if gone and not watched.acting and not strange and watched.may_be_started and not self._is_held(watched):
            watched.standby = StandbyStarter(
                watched.playbook, self._state.folder
            )  # it comes to its post while we decide
        if gone:
            looking.nothing_left(watched)
        tree = None if gone else looking.refresh(watched)
        planned = before is not None and self._was_announced(watched, before, identity)
        meant = watched.acting or planned or self._state.in_other_hands(watched)
        told = f"pid {identity.pid} ended"
        # A worker that its master replaces while the others serve is not a death of the server.
        last = tree is None or tree.root.identity != (before.root.identity if before else None) or not tree.listeners
        loop = None
        if ended is not None and last and not strange:
            watched.died_at = watched.died_at or clock.now()
            self._note_life(watched, Life(identity.pid, ended.started, clock.now(), by_itself=not meant), planned)
            loop = self._crash_loop(watched)
            if loop is not None and self._is_held(watched):
                self._state.beside(lambda found=loop: self._tell_of(watched, found))  # type: ignore[misc]
                loop = None
        if watched.acting:
            return  # the run's own doing, or the run's to find out
        if tree is not None:
            self.watch(watched)
        launcher = tree is None and before is not None and processes.is_alive(before.root.identity)
        launcher = launcher or (tree is None and self._is_held(watched))
        if strange and not meant:
            self._state.say(watched.name, f"{told}: {strange}", "WARNING")
            self._state.later(_HELD, lambda: self._look_for_the_wrong_one(watched, told))
        elif planned:
            pass  # no death: whether it is missed is for the probes to say
        elif meant or (launcher and loop is None):  # who has started it may do so again
            self._state.later(_HELD, lambda: self.look_again(watched, told))
        elif tree is None or loop is not None:
            self._is_down(watched, told)
            return  # who decides needs the standby, or dismisses it
        else:
            self._state.messages.put(AskNow(watched))
        if watched.standby is not None:
            watched.standby.leave()

    def _was_announced(self, watched: Watched, before: Tree, identity: Identity) -> bool:
        """Whether the server had told its shim that it stops (STOPPING=1), and then ended well."""
        if before.root.identity != identity or heard.read(before.root.parent) is None:
            return False
        clock.wait_until(lambda: self._record(watched, identity.pid) is not None, _NOTED)
        record = self._record(watched, identity.pid)
        return record is not None and record.identity == identity and record.planned

    def _tell_of(self, watched: Watched, loop: CrashLoop) -> None:
        """Its shim starts it again each time and counts for itself: clients are served, and yet a person must know."""
        now = clock.now()
        with watched.lock:
            last = watched.stored.crash_loop_told
            if last is not None and 0 <= now - last < watched.playbook.policy.give_up.within:
                return
            watched.stored.crash_loop_told, watched.dirty = now, True
        told = f"{loop}; {self._survival(watched, loop)}"
        self._state.say(watched.name, f"crash loop: {told}", "ERROR")
        cause = Trigger("death", told, "wd watch")
        with speaking(watched.playbook.language):
            message = translated("crash loop behind its held socket: {what}", what=retold(told))
        call_a_person(self._state, watched, cause, message, CRASH_LOOP)

    def _survival(self, watched: Watched, loop: CrashLoop) -> str:
        """How long its lives are, and how much of the time somebody answered meanwhile."""
        lives, spec = watched.stored.lives[-loop.times :], registry.best_for_health(watched.playbook.probes)
        mean = sum(one.seconds for one in lives) / len(lives)
        told, now = f"a life lasts {format_duration(mean)} on average", clock.now()
        if spec is not None:
            self._state.store()  # its last answers count, too
            samples = self._state.journal.samples(watched.name, spec.name, lives[0].started)
            figure = availability("", now - lives[0].started, now, samples, spec.every, (), ())
            told += f", and {figure.percent:.2f} % of the time it answered" if figure.percent is not None else ""
        return told

    def _is_held(self, watched: Watched) -> bool:
        """Whether its shim holds its sockets, and starts it again at once."""
        return bool(watched.playbook.start.listen) and launch.restarts_itself(self._state.folder, watched.name)

    def _crash_loop(self, watched: Watched) -> CrashLoop | None:
        """Whether its last deaths are a pattern, and its own doing: what somebody killed from outside is not a crash.

        How a process ended is known where the shim started it, a moment after the death; it is waited for only when it
        matters.
        """
        if crash_loop(watched.stored.lives) is None:
            return None
        last = watched.stored.lives[-1].pid
        clock.wait_until(lambda: self._record(watched, last) is not None, _NOTED)
        with watched.lock:
            watched.stored.lives = [
                replace(life, by_itself=life.by_itself and not self._was_killed(watched, life.pid))
                for life in watched.stored.lives
            ]
        return crash_loop(watched.stored.lives)

    def _record(self, watched: Watched, pid: int) -> ShimRecord | None:
        records = launch.records(self._state.folder, watched.name)
        return next((one for one in reversed(records) if one.pid == pid and one.ended is not None), None)

    def _was_killed(self, watched: Watched, pid: int) -> bool:
        """Whether it got a signal that programs do not send themselves. What the kernel ended because memory ran
        out has ended by itself."""
        record = self._record(watched, pid)
        if record is None or record.signal not in signals.SENT_BY_PEOPLE:
            return False
        try:
            return all(one.pid != pid for one in kernel_log.oom_kills(clock.now()))
        except OSError:
            return record.signal != signals.KILL  # it cannot be told from a kill by the kernel

    def _note_life(self, watched: Watched, life: Life, announced: bool) -> None:
        with watched.lock:
            watched.stored.lives = [*watched.stored.lives, life][-LIVES:]
            watched.dirty = True
        why = ", as it had announced" if announced else "" if life.by_itself else ", as it was meant to"
        self._state.say(watched.name, f"pid {life.pid} ended after {life.seconds:.1f} s{why}", "WARNING")

    def _is_down(self, watched: Watched, told: str) -> None:
        since = watched.died_at or clock.now()
        for trigger in death_triggers(watched.playbook):
            cause = Trigger("death", told, "wd watch", since)
            self._state.messages.put(Trouble(watched, trigger, cause))
