"""The loop: what is due when, who takes a message, how it is reloaded and how it ends. The only APScheduler import.

Nothing here decides anything about a server; that is `rounds`, `judge`, `deciding` and `acting`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.schedulers.background import BackgroundScheduler

from watchdog.model.errors import WdError
from watchdog.model.incident import Trigger
from watchdog.model.playbook import Playbook, TriggerSpec
from watchdog.system import clock
from watchdog.system.child.overseer import Link
from watchdog.system.host import interrupts
from watchdog.system.net import http
from watchdog.system.process import processes
from watchdog.system.shim import records
from watchdog.targets.scene import Scene
from watchdog.text.units import counted
from watchdog.watch import looking, metrics, trend
from watchdog.watch.acting import Runs
from watchdog.watch.alerts import Alerts
from watchdog.watch.death_watcher import DeathWatcher
from watchdog.watch.executor import DaemonThreads
from watchdog.watch.forwarder import Forwarder
from watchdog.watch.heartbeat import Heartbeat
from watchdog.watch.loading import Fingerprint, Load
from watchdog.watch.loop_messages import AskNow, LookAgain, Message, NewProcesses, Trouble
from watchdog.watch.loop_state import KEY, LoopState
from watchdog.watch.page import Page
from watchdog.watch.rounds import Rounds
from watchdog.watch.slots import Slot, slots
from watchdog.watch.thread_pool import UnboundedThreadPool
from watchdog.watch.times import STEADY, Cron, Every
from watchdog.watch.watched import Watched, death_triggers, from_text

STORE = 5.0  # seconds between two writings of samples
METRICS = 15.0  # and of the numbers for Prometheus
ALERTS = 1.0  # seconds between two looks for alerts
FORWARD = 5.0  # seconds between two looks for what the shared store has not
PAGE_LOOK = 5.0  # seconds between two looks whether the page still runs
TIDY = 3600.0
PING = 60.0
CHANGES = 1.0  # seconds between two looks whether a playbook or runbook has changed


class Loop:
    """Watches services until it has to stop."""

    def __init__(
        self,
        state: LoopState,
        load: Load,
        *,
        link: Link,
        changes: Callable[[], Fingerprint] = frozenset,
        ping: str = "",
        metrics_file: str = "",
        page: Sequence[str] = (),
    ) -> None:
        self._state, self._load, self._link = state, load, link
        self._changes, self._loaded, self._seen = changes, changes(), changes()
        self._ping, self._metrics_file = ping, metrics_file
        # Not an event: a signal handler that sets one can fall into the very moment in which its lock is held.
        self._pool = UnboundedThreadPool(self._broke)
        self._orders: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._stopping = self._ready = False
        self._runs, self._rounds = Runs(state), Rounds(state)
        self._heart = Heartbeat(self._clock_was_set, self._beat)
        self._deaths = DeathWatcher(state)
        self._alerts = Alerts(state)
        self._forwarder = Forwarder(state)
        self._page = Page(state, page) if page else None
        self._periods: dict[str, float] = {}  # job -> seconds, of each that asks
        self._done: dict[str, float] = {}  # job -> when its last run began, for the sign that all is well
        self._beaten = self._told_systemd = 0.0
        self._written = float("-inf")  # the numbers for Prometheus, last
        self._scheduler = BackgroundScheduler(
            executors={"default": DaemonThreads()},
            # A run that is late is run, several late ones as one, and never two of a kind at a time.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=STEADY,
        )
        self._scheduler.add_listener(self._noted, EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES | EVENT_JOB_ERROR)
        state.away, state.later, state.beside = self._heart.away, self._later, self._beside

    def run(self, before: Callable[[], None] = lambda: None) -> None:
        """Until SIGTERM or SIGINT. BadConfig if there is nothing to watch. `before` is called when that is known."""
        self._heart.start()
        if self._link.reason:
            self._state.say("", f"started again: {self._link.reason}", "ERROR")
        playbooks = self._load()
        before()
        self._take_up(playbooks)
        threading.Thread(target=self._take_messages, daemon=True, name="wd-decider").start()
        self._deaths.start()
        self._rounds.early_evidence.start()
        self._state.messenger.start()
        self._scheduler.start()
        self._state.say("", f"watching {counted(len(playbooks), 'service')}")
        self._beside(self._look_at_all)
        self._link.notify("READY=1")
        self._ready = True
        while self._orders.get() == "reload":
            self._read_again()
        self._end()

    def stop(self) -> None:
        self._stopping = True
        self._orders.put("stop")

    def reload(self) -> None:
        """Read the playbooks again, soon and in the loop's own thread."""
        self._orders.put("reload")

    def listen_to_signals(self) -> None:
        """SIGTERM and SIGINT end it, SIGHUP makes it read its playbooks again. Only in the main thread."""
        interrupts.on_end(self.stop)
        interrupts.on_reload(self.reload)

    # What is watched

    def _take_up(self, playbooks: Iterable[Playbook]) -> None:
        """New and changed services begin with what the journal remembers; the others go on as they are."""
        state, services = self._state, {}
        state.journal.end_the_future()
        for playbook in playbooks:
            known = state.services.get(playbook.service)
            if known is not None and known.playbook == playbook:
                services[playbook.service] = known
            else:
                text = state.journal.kept(playbook.service, KEY)
                services[playbook.service] = from_text(
                    playbook, text, processes.boot_id(), records.folder(self._state.folder, playbook.service)
                )
        state.services = services
        self._plan()

    def _plan(self) -> None:
        self._scheduler.remove_all_jobs()
        self._periods.clear()
        self._done.clear()
        services = self._state.services.values()
        for number, slot in enumerate(slots((one.name, spec) for one in services for spec in one.specs)):
            name = f"ask {number}"
            self._periods[name] = slot.every
            self._scheduler.add_job(self._ask, Every(slot.every, slot.first), args=(name, slot), id=name)
        for watched in services:
            for position, trigger in enumerate(watched.playbook.triggers):
                self._plan_trigger(watched, trigger, f"{watched.name} {position}")
        self._scheduler.add_job(self._store, Every(STORE, 1.0), id="store")
        self._scheduler.add_job(self._alerts.look, Every(ALERTS, ALERTS), id="alerts")
        self._scheduler.add_job(self._notice_changes, Every(CHANGES, CHANGES), id="changes")
        self._scheduler.add_job(self._state.journal.tidy, Every(TIDY, 300.0), id="tidy")
        if self._forwarder.is_wanted:
            due = Every(FORWARD, 1.0)
            self._scheduler.add_job(lambda: self._beside(self._forwarder.look), due, id="forward")
        if self._page is not None:
            self._scheduler.add_job(self._page.look, Every(PAGE_LOOK, 0.1), id="page")
        if self._ping:
            self._scheduler.add_job(self._tell_alive, Every(PING, PING / 4), id="ping")

    def _plan_trigger(self, watched: Watched, trigger: TriggerSpec, name: str) -> None:
        if trigger.kind == "cron":
            self._scheduler.add_job(self._come_due, Cron(trigger.subject), args=(watched, trigger), id=f"cron {name}")
        elif trigger.kind == "every":
            due = Every(trigger.every, trigger.every)
            self._scheduler.add_job(self._come_due, due, args=(watched, trigger), id=f"every {name}")
        elif trigger.kind == "trend":
            spec = next((one for one in watched.playbook.probes if one.name == trigger.subject), None)
            if spec is not None:
                due = Every(max(spec.every, trend.LOOK), trend.LOOK)
                self._scheduler.add_job(self._look_ahead, due, args=(watched, trigger), id=f"trend {name}")

    def _read_again(self) -> None:
        """A broken file keeps the old ones, and says so."""
        self._link.notify("RELOADING=1")
        self._loaded = self._changes()
        try:
            self._take_up(self._load())
        except WdError as error:
            self._state.say(
                "", "the changed playbooks are not used, the old ones stay: " + "; ".join(error.lines()), "ERROR"
            )
        else:
            self._state.say("", f"playbooks read again: {counted(len(self._state.services), 'service')}")
            self._beside(self._look_at_all)
        self._link.notify("READY=1")

    def _notice_changes(self) -> None:
        """Files that changed are taken up once they have stayed the same for a look: an editor may still be writing."""
        before, self._seen = self._seen, self._changes()
        if self._seen != self._loaded and self._seen == before:
            self._state.say("", "playbooks or runbooks have changed")
            self.reload()

    def _look_at_all(self) -> None:
        """Who everybody is, in one look at the machine: so that a death is seen at once, and a first kill is quick."""
        scene = Scene.look()
        for watched in tuple(self._state.services.values()):
            if self._stopping:
                return
            if death_triggers(watched.playbook):
                if looking.refresh(watched, scene) is None and (told := looking.unseen_crash(watched)):
                    self._deaths.look_again(watched, told)
                self._deaths.watch(watched)

    # What comes due

    def _ask(self, name: str, slot: Slot) -> None:
        self._done[name] = clock.monotonic()
        for service, spec in slot.probes:
            watched = self._state.services.get(service)
            if watched is not None:
                self._beside(lambda watched=watched, spec=spec: self._rounds.ask(watched, spec))  # type: ignore[misc]

    def _come_due(self, watched: Watched, trigger: TriggerSpec) -> None:
        """A planned run; it may wait for a good moment."""
        cause = Trigger(trigger.kind, f"{trigger.kind} {trigger.subject}", "wd watch")
        self._state.messages.put(Trouble(watched, trigger, cause, planned_at=clock.monotonic()))

    def _look_ahead(self, watched: Watched, trigger: TriggerSpec) -> None:
        """A measure that will reach its limit soon."""
        if told := trend.foreseen(watched, trigger, self._state.journal, clock.now()):
            cause = Trigger("trend", told, "wd watch")
            self._state.messages.put(Trouble(watched, trigger, cause, planned_at=clock.monotonic()))

    # What the parts of the loop report

    def _take_messages(self) -> None:
        while True:
            message = self._state.messages.get()
            self._safely(lambda message=message: self._take(message))  # type: ignore[misc]

    def _take(self, message: Message) -> None:
        """Only decisions are made here; everything that looks at the machine is done beside."""
        match message:
            case Trouble():
                self._runs.decide(message)
            case LookAgain(trouble):
                self._beside(lambda: self._look_again(trouble))
            case NewProcesses(watched, after_run):
                self._beside(lambda: self._look_at_processes(watched, after_run))
            case AskNow(watched):
                for spec in watched.playbook.http_probes:
                    self._beside(lambda spec=spec: self._rounds.ask(watched, spec))  # type: ignore[misc]

    def _look_again(self, trouble: Trouble) -> None:
        """The part that saw the trouble looks, and reports it again if it lasts."""
        if trouble.cause.kind == "death":
            self._deaths.look_again(trouble.watched, trouble.cause.detail)
        elif trouble.spec is not None:
            self._rounds.ask(trouble.watched, trouble.spec)
        else:
            self._state.messages.put(trouble)

    def _look_at_processes(self, watched: Watched, after_run: bool) -> None:
        if not after_run:
            looking.refresh(watched)
        self._deaths.watch(watched)
        if after_run and watched.tree is None:
            self._later(1.0, lambda: self._deaths.look_again(watched, "nothing runs after the last run"))

    def _store(self) -> None:
        self._state.store()
        if clock.monotonic() - self._written >= METRICS:
            self._written = clock.monotonic()
            metrics.write(self._state, self._metrics_file)

    def _tell_alive(self) -> None:
        """The dead man's switch: somebody elsewhere calls a person when this stops coming."""
        if self._all_well():
            reply = http.ask(self._ping, timeout=10.0, limit=1000)
            if reply.problem or (reply.status or 0) >= 400:
                self._state.say("", f"the ping was not taken: {reply.detail or reply.status}", "WARNING")

    # The loop's own health

    def _beat(self) -> None:
        """Called four times a second: tells the parent that the loop runs, and systemd that all is well, when it is."""
        if clock.monotonic() - self._beaten >= 1.0:
            self._beaten = clock.monotonic()
            if not self._link.beat():
                self.stop()
        period = self._link.watchdog_period
        if (
            self._ready
            and period is not None
            and clock.monotonic() - self._told_systemd >= min(period, 10.0)
            and self._all_well()
        ):
            self._told_systemd = clock.monotonic()
            self._link.notify("WATCHDOG=1")

    def _all_well(self) -> bool:
        """Whether every slot of questions came when it was due: a complete round, whatever the answers were."""
        now = clock.monotonic()
        return all(
            name in self._done and now - self._done[name] <= 2 * period + 5.0 for name, period in self._periods.items()
        )

    def _clock_was_set(self, seconds: float) -> None:
        self._state.say("", f"the clock was set by {seconds:+.0f} s", "WARNING")
        self._beside(lambda: self._go_by_the_new_clock(seconds))

    def _go_by_the_new_clock(self, seconds: float) -> None:
        """Intervals do not care; lines of a calendar must be read again, and so must when a process began."""
        self._state.journal.end_the_future()
        for watched in tuple(self._state.services.values()):
            watched.end_the_future(clock.now(), seconds)
        self._look_at_all()
        for job in self._scheduler.get_jobs():
            if isinstance(job.trigger, Cron):
                job.reschedule(job.trigger)

    def _noted(self, event: Any) -> None:
        counts = self._state.counts
        if event.code == EVENT_JOB_ERROR:
            counts.broken += 1
            self._state.say("", f"{event.job_id} broke: {type(event.exception).__name__}: {event.exception}", "ERROR")
        else:
            counts.late += 1
            self._state.say("", f"{event.job_id} is late: {counts.late} so far", "WARNING")

    # Beside and later

    def _beside(self, work: Callable[[], None]) -> None:
        try:
            self._pool.give(work)
        except RuntimeError as error:  # no thread to be had: a local reason, and the next round comes
            self._broke(error)

    def _safely(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the loop goes on, and says what broke
            self._broke(error)

    def _broke(self, error: BaseException) -> None:
        self._state.counts.broken += 1
        self._state.say("", f"{type(error).__name__}: {error}", "ERROR")

    def _later(self, seconds: float, work: Callable[[], None]) -> None:
        if self._stopping:
            return
        timer = threading.Timer(seconds, self._safely, args=(work,))
        timer.daemon = True
        timer.start()

    def _end(self) -> None:
        """Quickly: nothing is waited for. Services live on; an armed shim ends its stretch by itself."""
        self._link.notify("STOPPING=1")
        self._heart.stop()
        self._deaths.stop()
        self._scheduler.shutdown(wait=False)
        if self._page is not None:
            self._page.end()
        self._state.store()
        self._state.say("", "stopped")
