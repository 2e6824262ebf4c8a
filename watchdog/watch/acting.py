"""Carries decisions out, several services side by side; a run's intent is in the journal before the run begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from watchdog.model.errors import Refused, WdError
from watchdog.model.incident import GIVE_UP, Desired, RunResult, StepRecord, Trigger
from watchdog.model.process import Identity
from watchdog.policy import budget, pressure, target_lock
from watchdog.policy.budget import History, Life
from watchdog.policy.deciding import Decision, Situation, decide, local_time, quiet_moment, step_of
from watchdog.policy.judge import reset
from watchdog.policy.patience import DRAIN, evidence_time
from watchdog.probes.log import forget_matches
from watchdog.runbook.begin import begin, plan_of
from watchdog.runbook.run import Prepared
from watchdog.starting import launch
from watchdog.steps.notify import notify
from watchdog.steps.spec import Context, StepSpec
from watchdog.system import clock
from watchdog.system.host import machine
from watchdog.system.process import processes
from watchdog.targets import expected
from watchdog.targets.flight import in_flight
from watchdog.text.language import marked, speaking, translated
from watchdog.text.retelling import retold
from watchdog.watch import looking, outages
from watchdog.watch.asking import Question, Questions
from watchdog.watch.calling import Told, call_a_person
from watchdog.watch.early_evidence import hand_over
from watchdog.watch.last_look import why_over
from watchdog.watch.loop_messages import LookAgain, NewProcesses, Trouble
from watchdog.watch.loop_state import LoopState
from watchdog.watch.times import in_window
from watchdog.watch.watched import CALENDAR, LIVES, Watched

_JUST_NOW = 0.5  # seconds for which it is still true that nothing runs: nobody starts a server that fast unlocked
_LOOK_BACK = 31 * 86400.0


class Runs:
    """Decides about trouble, and does what was decided."""

    def __init__(self, state: LoopState) -> None:
        self._state = state
        self._waiting: set[tuple[str, str]] = set()
        self._questions = Questions(state)

    def decide(self, trouble: Trouble) -> None:
        """Decide, and act if that was decided. Called by one thread: what is decided counts in the next budget."""
        watched, trigger, cause = trouble.watched, trouble.trigger, trouble.cause
        if watched.acting or not trigger.run or trouble.is_over:
            return  # a trouble can wait in the queue for longer than it lasts
        if cause.alert and not self._state.journal.alert_waits(cause.alert):
            return
        runbook = step_of(trigger.run, watched.stored.attempts.get(trouble.key, 0))
        calm = watched.identity if cause.kind in CALENDAR else None
        decision = self._decision(trouble, runbook)
        if decision.kind in ("run", "give-up") and not self._state.reserve(watched):
            return
        self._tell(watched, runbook, cause, decision)
        outages.begins(self._state, trouble, decision)
        if decision.kind == "run":
            if cause.kind not in CALENDAR:
                watched.stored.restart_attempts = [*watched.stored.restart_attempts, clock.now()][-LIVES:]
            self._take(watched, lambda: self._run(trouble, runbook), calm)
            return
        if watched.standby is not None:
            watched.standby.leave()
        if decision.kind == "give-up":
            self._take(watched, lambda: self._give_up(watched, cause, decision.why))
        elif decision.kind == "ask":
            self._questions.put(Question(trouble, runbook))
        if decision.again is not None:
            self._again(trouble, decision.again)

    def _decision(self, trouble: Trouble, runbook: str) -> Decision:
        watched = trouble.watched
        situation = self._situation(trouble, runbook)
        decision = decide(situation)
        if decision.kind in ("run", "ask", "would") and (common := self._state.common_cause(watched)):
            return decide(replace(situation, common=common))
        if decision.kind == "ask" and trouble.agreed == runbook:
            return Decision("run", "agreed", "a person said yes")
        return decision

    def _situation(self, trouble: Trouble, runbook: str) -> Situation:
        watched = trouble.watched
        waited = clock.monotonic() - trouble.planned_at if trouble.planned_at is not None else None
        now, policy = clock.now(), watched.playbook.policy
        desired = self._desired(watched)
        return Situation(
            service=watched.name,
            mode=policy.mode,
            runbook=runbook,
            now=now,
            permit=budget.permit(policy, history(watched, self._state, desired, now), now),
            desired=desired,
            strange=watched.wrong_program,
            starved=pressure.starved(machine.glance()),
            certain=looking.is_certainly_down(watched),
            holder=self._state.holder(watched),
            full=self._state.why_full,
            planned=waited is not None,
            moment=good_moment(watched, waited) if waited is not None else "",
        )

    def _desired(self, watched: Watched) -> Desired:
        """What a person wants. Who says `resume` also takes back that we gave up."""
        desired, stored = self._state.wanted(watched), watched.stored
        if stored.gave_up is not None and desired.state == "running" and desired.since > stored.gave_up:
            stored.gave_up, stored.gave_up_why = None, ""
            stored.lives.clear()
            stored.attempts.clear()
            watched.dirty = True
        return desired

    def _tell(self, watched: Watched, runbook: str, cause: Trigger, decision: Decision) -> None:
        """Each decision is logged once for each trouble, also where a figure in its reason changes."""
        with watched.lock:
            if decision.key in watched.announced and decision.kind != "run":
                return
            watched.announced.add(decision.key)
        words = {"run": f"runs {runbook}", "ask": f"asks whether to run {runbook}", "give-up": "gives up"}
        if decision.kind == "would":  # its reason says what, and that mode observe keeps it from it
            self._state.say(watched.name, f"{cause.detail} -> {decision.why}", "WARNING")
            return
        deed = words.get(decision.kind, decision.kind)
        level = "ERROR" if decision.kind == "give-up" else "WARNING"
        self._state.say(watched.name, f"{cause.detail} -> {deed}{': ' + decision.why if decision.why else ''}", level)

    def _again(self, trouble: Trouble, seconds: float) -> None:
        """Look again later, once, however often the same was decided in the meantime."""
        key = (trouble.watched.name, trouble.key)
        with self._state.lock:
            if key in self._waiting:
                return
            self._waiting.add(key)

        def look() -> None:
            with self._state.lock:
                self._waiting.discard(key)
            self._state.messages.put(LookAgain(trouble))

        self._state.later(min(seconds, 300.0), look)

    def _take(self, watched: Watched, work: Callable[[], object], calm: Identity | None = None) -> None:
        """Work on a service whose place is reserved; `work` returns whether its trouble was over. `calm`: `_over`."""

        def do() -> None:
            over: object = False
            try:
                over = work()
            except WdError as error:
                self._state.say(watched.name, "; ".join(error.lines()), "ERROR")
            except Exception as error:  # noqa: BLE001 - the loop goes on whatever a run does
                self._state.say(watched.name, f"the run broke: {type(error).__name__}: {error}", "ERROR")
            finally:
                self._over(watched, watched.identity if over else calm)

        self._state.beside(do)

    def _over(self, watched: Watched, calm: Identity | None) -> None:
        """The old server's failures are not held against the new one, and old log lines are not news.

        Behind `calm` there was no trouble: if it is still the server, nothing of what is known about it has changed.
        """
        if watched.standby is not None:
            watched.standby.leave()
            watched.standby = None
        looking.refresh(watched)
        if calm is None or watched.identity != calm:
            self._forget_the_old_server(watched)
        self._state.remember(watched)
        self._state.store()  # who looks at the status now wants to see what came of it
        self._state.release(watched)
        self._state.messages.put(NewProcesses(watched, after_run=True))

    def _forget_the_old_server(self, watched: Watched) -> None:
        at = clock.monotonic()
        with watched.lock:
            watched.stored.states = {name: reset(state, at) for name, state in watched.stored.states.items()}
            watched.stored.bookmarks = {name: forget_matches(mark) for name, mark in watched.stored.bookmarks.items()}
            watched.stored.healthy_since = None
            watched.looked_closely_at = float("-inf")
            watched.forget_trouble()

    def _run(self, trouble: Trouble, runbook: str) -> bool:
        """Whether the trouble was over before anything was ended: then nothing counts as an attempt."""
        watched, key, cause = trouble.watched, trouble.key, trouble.cause
        state, context = self._state, self._state.context(watched, cause)
        context.why_over = lambda: why_over(trouble)
        watched.stored.attempts[key] = watched.stored.attempts.get(key, 0) + 1
        if watched.tree is None and not watched.stored.lives:
            watched.stored.lives.append(Life(0, clock.now(), clock.now()))
        # Written down before anything is done: it counts, also if the runbook cannot be read or wd is killed.
        state.remember(watched)
        plan_of(runbook, context, {})
        try:
            result = self._held(watched, runbook, cause, context)
        except Refused:
            watched.stored.restart_attempts.pop()  # another wd is at it
            raise
        if context.found.over:
            watched.stored.attempts[key] -= 1
        if context.found.over or (context.found.started is not None and context.found.started.outcome == "done"):
            watched.stored.restart_attempts.pop()  # no attempt was needed, or the journal has it by now
        _note_short_life(watched, context)
        if result is not None:
            self._result(watched, runbook, result)
            outages.run_ended(self._state, watched, cause, result)
            if result.outcome == "refused":
                self._refused(watched, context, result.message)
        return bool(context.found.over)

    def _held(self, watched: Watched, runbook: str, cause: Trigger, context: Context) -> RunResult | None:
        """The run itself, with the server for ourselves; None if somebody was faster."""
        keys = target_lock.keys((), watched.playbook)
        with (
            target_lock.acquire(keys, f"run {runbook}", context.playbook),
            Told(self._state, watched, context) as told,
        ):
            if cause.kind not in CALENDAR and _is_another(watched):
                self._state.say(watched.name, "it was replaced in the meantime; nothing is done")
                return None
            self._state.counts.runs += 1
            hand_over(watched, context)
            if watched.standby is not None:
                context.found.arming = watched.standby.take
            if cause.kind not in CALENDAR and watched.tree is None:
                context.found.before = watched.last_members
            context.evidence_until = clock.monotonic() + evidence_time(watched.playbook, cause.kind)

            def follow(prepared: Prepared, record: StepRecord) -> None:
                told.step(prepared, record)
                share_the_places(self._state, watched, prepared.spec, record)

            return begin(runbook, context, {}, watch=follow)

    def _refused(self, watched: Watched, context: Context, why: str) -> None:
        """A guard says no, and will say so again: a person is called now. The refused run's report tells the rest."""
        watched.stored.gave_up, watched.stored.gave_up_why = clock.now(), f"refused: {why}"
        watched.stored.told = watched.stored.told or clock.now()
        self._state.remember(watched)
        self._state.counts.given_up += 1
        with speaking(watched.playbook.language):
            why = retold(watched.stored.gave_up_why)
            text = translated("{service}: wd gave up: {why}", service=watched.name, why=why)
        told = notify(context, {"message": [text]})
        self._state.say(watched.name, f"gives up: {watched.stored.gave_up_why} ({told.message})", "ERROR")

    def _give_up(self, watched: Watched, cause: Trigger, why: str) -> None:
        """Remembered first; then one report with the cause, and one call for a person."""
        if not watched.wrong_program and (differs := expected.why_start_differs(watched.playbook)):
            why = f"{why}; {differs}"
        watched.stored.gave_up, watched.stored.gave_up_why = clock.now(), why
        watched.stored.told = watched.stored.told or clock.now()
        self._state.remember(watched)
        self._state.counts.given_up += 1
        if watched.playbook.start.listen:
            launch.release_all(self._state.folder, watched.name)  # its shim must not go on where we have given up
        words = marked("wd gave up: {why}; once fixed, run {command}")
        resume = f"`wd resume {watched.name}`"
        with speaking(watched.playbook.language):
            message = translated(words, why=retold(why), command=resume)
        result = call_a_person(self._state, watched, replace(cause, gave_up=why), message, GIVE_UP)
        self._result(watched, GIVE_UP, result)

    def _result(self, watched: Watched, runbook: str, result: RunResult) -> None:
        if result.outcome == "recovered":
            self._state.causes.was_restarted()
        level = "INFO" if result.outcome in ("recovered", "done", "nothing") else "ERROR"
        report = f"; report: {result.report}" if result.report else ""
        self._state.say(watched.name, f"{runbook}: {result.outcome}: {result.message}{report}", level)


def share_the_places(state: LoopState, watched: Watched, step: StepSpec, record: StepRecord) -> None:
    """Whose server has come up leaves its place to the next service: its proof and its report cost little."""
    if record.outcome == "running" and not {"ends", "starts"}.isdisjoint(step.effects):
        state.take_place_again(watched)
    elif record.outcome in ("ok", "warning") and "starts" in step.effects:
        state.give_place(watched)


def _note_short_life(watched: Watched, context: Context) -> None:
    """A server that a run started and that died before the run was over: nobody watched it for its death."""
    started = context.found.started.identity if context.found.started else None
    if started is None or processes.is_alive(started):
        return
    record = next(
        (one for one in reversed(launch.records(context.state, watched.name)) if one.identity == started), None
    )
    begun = record.started if record else clock.now()
    ended = record.ended if record and record.ended is not None else clock.now()
    with watched.lock:
        watched.stored.lives = [*watched.stored.lives, Life(started.pid, begun, ended)][-LIVES:]


def history(watched: Watched, state: LoopState, desired: Desired, now: float) -> History:
    """What the budgets are counted on; what lies before a person's `resume` is forgiven."""
    journal = state.journal
    begin_at = max(now - _LOOK_BACK, desired.since if desired.state == "running" else 0.0)
    own = [one.at for one in journal.restarts(watched.name, begin_at) if one.automatic]
    own = sorted([*own, *(when for when in watched.stored.restart_attempts if when >= begin_at)])
    everybody = [one.at for one in journal.restarts(None, now - budget.HOUR) if one.automatic]
    everybody += [when for one in tuple(state.services.values()) for when in one.stored.restart_attempts]
    last = journal.incidents(watched.name, now - 7 * 86400.0, 1)
    signature = last[0].signature if last else ""
    lost = journal.lost_at
    if lost is not None and now - lost < budget.HOUR:
        # What was done before is not known any more: the budget counts as used but for one, and what followed adds up.
        own = sorted([*own, *[lost] * (watched.playbook.policy.give_up.restarts - 1)])
    return History(
        restarts=tuple(own),
        all_restarts=tuple(everybody),
        lives=tuple(life for life in watched.stored.lives[-LIVES:] if life.ended >= begin_at),
        healthy_since=watched.stored.healthy_since,
        gave_up=watched.stored.gave_up,
        gave_up_why=watched.stored.gave_up_why,
        same_cause=len(journal.same_signature(watched.name, signature, now - 7 * 86400.0)) if signature else 0,
    )


def good_moment(watched: Watched, waited: float) -> str:
    """Why a planned run has to wait; empty if this is a good moment."""
    now = local_time(clock.now())
    windows = {line: in_window(line, seconds, now) for line, seconds in watched.playbook.policy.quiet}
    tree = looking.current(watched)
    return quiet_moment(windows, in_flight(tree) if tree else 0, waited, DRAIN)


def _is_another(watched: Watched) -> bool:
    """Whether somebody has replaced the server since it was judged: now that we hold it, nobody does it any more."""
    before = watched.identity
    if watched.looked_at is None:
        return False
    if before is not None and processes.is_alive(before):
        return _was_replaced_by_its_launcher(watched)
    if before is None and clock.monotonic() - watched.looked_at < _JUST_NOW:
        return False
    looking.refresh(watched)
    return watched.identity is not None and watched.identity != before and not watched.wrong_program


def _was_replaced_by_its_launcher(watched: Watched) -> bool:
    """Whether all processes that serve now began after the last failure, under a launcher that still runs."""
    if watched.wrong_program or watched.failed_at is None:
        return False
    tree = looking.refresh(watched)
    if tree is None or not tree.listeners:
        return False
    return all(one.started > watched.failed_at for one in looking.serving(tree))
