"""One question and what follows from it: asked, judged, remembered, and in trouble handed on for a decision."""

from __future__ import annotations

from dataclasses import replace

from watchdog.model.incident import Trigger
from watchdog.model.playbook import ProbeSpec
from watchdog.model.probing import Sample
from watchdog.policy.judge import NOTHING_ELSE, Event, Judged, Signs, judge
from watchdog.policy.patience import grace
from watchdog.probes import registry
from watchdog.probes.run import probe
from watchdog.system import clock
from watchdog.text.units import format_duration
from watchdog.watch import looking, outages
from watchdog.watch.early_evidence import EarlyEvidence
from watchdog.watch.loop_messages import NewProcesses, Trouble
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import Watched, triggers_of

_NOT_WELL = ("failing", "trouble", "starting")
_LEVELS = {"trouble": "ERROR", "failing": "WARNING", "slow": "WARNING", "recovered": "INFO", "starting": "INFO"}


class Rounds:
    """Asks probes; several threads may ask different ones at a time."""

    def __init__(self, state: LoopState) -> None:
        self._state = state
        self.early_evidence = EarlyEvidence(state)

    def ask(self, watched: Watched, spec: ProbeSpec) -> None:
        """Ask one probe, unless it is being asked already: then it is asked once more right after."""
        with watched.lock:
            if watched.acting:
                return  # a run is under way: its own steps ask, and a dump slows the server
            if spec.name in watched.asking:
                self._left_out(watched, spec)
                return
            watched.asking.add(spec.name)
        try:
            self._round(watched, spec)
        finally:
            with watched.lock:
                watched.asking.discard(spec.name)
                owed = spec.name in watched.rerun_requested
                watched.rerun_requested.discard(spec.name)
        if owed and not watched.acting:
            self._state.beside(lambda: self.ask(watched, spec))

    def _left_out(self, watched: Watched, spec: ProbeSpec) -> None:
        """Told at the first, the tenth, the hundredth …: a probe slower than its interval would fill the log."""
        watched.rerun_requested.add(spec.name)
        self._state.counts.skipped += 1
        count = self._state.counts.skipped
        if count == 10 ** (len(str(count)) - 1):
            told = f"{spec.name}: skipped, the previous check is still in progress; {count} skipped so far"
            self._state.say(watched.name, told)

    def _round(self, watched: Watched, spec: ProbeSpec) -> None:
        begun, question = clock.monotonic(), self.early_evidence.asked(watched, spec)
        tree = looking.current(watched) if registry.of(spec.kind).needs_tree else watched.tree
        sample = probe(spec, watched.playbook, tree, bookmark=watched.stored.bookmarks.get(spec.name, ""))
        ended, question.sample = clock.monotonic(), sample
        self._state.counts.asked += 1
        if lost := self._state.away(begun, ended):
            self._state.counts.discarded += 1
            told = f"wd itself did not run for {format_duration(lost)}; the answer does not count"
            sample = replace(sample, verdict="unknown", message=told)
        if watched.acting:
            return  # asked of the server that is just being replaced
        before = watched.state(spec.name).level
        if sample.verdict in ("ok", "slow") and looking.may_be_another(watched, comes_back=before in _NOT_WELL):
            looking.refresh(watched)  # somebody else has started something: is it the right program?
        sample = self._unless_stopped(watched, self._tied(watched, spec, sample))
        signs = self._signs(watched, spec, sample, ended - begun)
        judged = self._judged(watched, spec, sample, signs, ended)
        self._state.note_sample(watched.name, sample)
        if judged.event is not None:
            self._tell(watched, spec, judged.event)
        if judged.state.level == "ok" and before in _NOT_WELL:
            self._state.messages.put(NewProcesses(watched))
        if sample.verdict == "failed":
            if judged.trouble:
                self._trouble(watched, spec, judged, sample)
            elif registry.answers(spec.kind):
                self.early_evidence.failed(watched, spec, judged)

    def _tied(self, watched: Watched, spec: ProbeSpec, sample: Sample) -> Sample:
        """A good answer counts only if it came from the configured program."""
        if sample.verdict in ("ok", "slow") and registry.answers(spec.kind) and watched.wrong_program:
            return replace(sample, verdict="failed", message=watched.wrong_program)
        return sample

    def _unless_stopped(self, watched: Watched, sample: Sample) -> Sample:
        """What does not answer because a person stopped it has not failed: it counts in no availability or replay.

        Nor what has told its shim that it stops.
        """
        if sample.verdict != "failed":
            return sample
        if watched.tree and looking.is_stopping(watched.tree):
            return replace(sample, verdict="unknown", message="it is stopping, as it said by STOPPING=1")
        desired = self._state.journal.desired(watched.name)
        if desired.state != "stopped":
            return sample
        return replace(sample, verdict="unknown", message=f"stopped by {desired.by or 'a person'}")

    def _signs(self, watched: Watched, spec: ProbeSpec, sample: Sample, waited: float) -> Signs:
        if sample.verdict != "failed" or not registry.answers(spec.kind):
            root = watched.identity
            return Signs(identity=str(root)) if root else NOTHING_ELSE
        return looking.signs(watched, spec, waited, clock.now())

    def _judged(self, watched: Watched, spec: ProbeSpec, sample: Sample, signs: Signs, at: float) -> Judged:
        with watched.lock:
            before = watched.state(spec.name)
            starting = registry.answers(spec.kind) and not watched.wrong_program
            patience = grace(watched.playbook) if starting else 0.0
            judged = judge(before, sample, spec.threshold, at, signs, patience, spec.every)
            watched.stored.states[spec.name] = judged.state
            watched.latest[spec.name] = sample
            watched.asked_at[spec.name] = at
            if sample.bookmark != watched.stored.bookmarks.get(spec.name, ""):
                watched.stored.bookmarks[spec.name] = sample.bookmark
            self._health(watched)
            outages.may_be_over(self._state, watched)
            # A row of good answers changes nothing that must outlive us.
            if judged.state.level != before.level or "f" in judged.state.recent[-1:] or sample.bookmark:
                watched.dirty = True
        self._state.counts.unknown += sample.verdict == "unknown"
        return judged

    def _health(self, watched: Watched) -> None:
        """Since when every probe is well; after long enough, what did not help before is forgotten."""
        if watched.level in ("ok", "slow"):
            now = clock.now()
            if watched.stored.healthy_since is None:
                watched.stored.healthy_since = now
                watched.forget_trouble()
            elif (
                watched.stored.attempts
                and now - watched.stored.healthy_since > watched.playbook.policy.backoff.reset_after
            ):
                watched.stored.attempts.clear()
        else:
            watched.stored.healthy_since = None

    def _tell(self, watched: Watched, spec: ProbeSpec, event: Event) -> None:
        if event.kind == "unknown":
            if event.fresh:
                self._state.say(watched.name, f"{spec.name}: cannot tell: {event.message}", "WARNING")
        elif event.fresh or event.kind == "failing":
            self._state.say(watched.name, f"{spec.name}: {event.kind}: {event.message}", _LEVELS[event.kind])

    def _trouble(self, watched: Watched, spec: ProbeSpec, judged: Judged, sample: Sample) -> None:
        """Each trigger on this probe gets its decision; one on a log line only at the first moment.

        A measure over its limit, of a server that answers, can wait for a good moment.
        """
        since = sample.at - (clock.monotonic() - (judged.state.failing_since or clock.monotonic()))
        why = judged.event.message if judged.event else sample.message
        for trigger in triggers_of(watched.playbook, spec.name):
            if trigger.kind == "log" and not (judged.event and judged.event.fresh):
                continue
            planned = registry.of(spec.kind).measure and not watched.failing()
            planned_at = judged.state.since if planned else None
            cause = Trigger("limit" if planned else trigger.kind, f"{spec.name}: {why}", "wd watch", since)
            self._state.messages.put(Trouble(watched, trigger, cause, spec, planned_at))
