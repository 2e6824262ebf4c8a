"""Alerts that wait in the journal become trouble: decided, budgeted and run as what the loop has seen itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from watchdog.model.alert import Alert
from watchdog.model.incident import Incident, Trigger
from watchdog.model.playbook import TriggerSpec
from watchdog.probes import registry
from watchdog.system import clock
from watchdog.text.units import format_duration
from watchdog.watch.loop_messages import Trouble
from watchdog.watch.loop_state import LoopState
from watchdog.watch.watched import Watched

_AGAIN = 5.0  # seconds after which one that still waits is decided again
_ECHO = 60.0  # seconds: wd was down itself, and its own metrics may have told of the time before
_STALE = 3600.0  # seconds: what nobody could act on for so long is for a person
_LOOKED_THROUGH = 20  # incidents


class Alerts:
    """Called in turns; one alert makes one run."""

    def __init__(self, state: LoopState) -> None:
        self._state = state
        self._put: dict[str, float] = {}  # when each was handed on, on the monotonic clock

    def look(self) -> None:
        now = clock.monotonic()
        waiting = self._state.journal.waiting_alerts()
        self._put = {one.id: self._put[one.id] for one in waiting if one.id in self._put}
        for one in waiting:
            watched = self._state.services.get(one.service)
            if why := self._why_over(one, watched):
                self._state.journal.end_alert(one.id, why)
                self._state.say(one.service, f"the alert {one.detail} needs no run: {why}", "WARNING")
            elif watched is None or not one.confirmed or self._has_to_wait(one, watched):
                continue
            elif now - self._put.get(one.id, float("-inf")) >= _AGAIN:
                self._put[one.id] = now
                trigger = of_alert(watched, one.runbook)
                if trigger is not None:
                    cause = Trigger("alert", one.detail, one.by, one.starts, alert=one.id)
                    self._state.messages.put(Trouble(watched, trigger, cause))

    def _why_over(self, one: Alert, watched: Watched | None) -> str:
        if watched is None:
            return f"no service {one.service!r} is watched"
        if of_alert(watched, one.runbook) is None:
            return f"the playbook of {one.service} has no trigger for it"
        if clock.now() - one.received > _STALE:
            return f"nothing could be done for {format_duration(_STALE)}"
        last = self._state.journal.incidents(one.service, one.starts - _STALE, _LOOKED_THROUGH)
        cured = next((it for it in last if it.outcome == "recovered" and (it.closed or 0.0) >= one.starts), None)
        if cured is not None:
            return f"{cured.id} has brought it back since"
        cut_off = _cut_off(one, last, watched)
        if cut_off is not None and _asked_since(watched) and watched.level in ("ok", "slow"):
            return f"{cut_off.id} was cut off, and the server answers again"
        return ""

    def _has_to_wait(self, one: Alert, watched: Watched) -> bool:
        """Its run was cut off: a shim may have finished it, so the server's own probes must tell that it has not."""
        last = self._state.journal.incidents(one.service, one.starts - _ECHO, _LOOKED_THROUGH)
        return _cut_off(one, last, watched) is not None and not (_asked_since(watched) and watched.level == "trouble")


def _cut_off(one: Alert, last: Sequence[Incident], watched: Watched) -> Incident | None:
    """Its own run; or one that was cut off just before the alert began, where probes can tell how it ended: who calls
    us may have seen the state from before."""
    probed = any(registry.answers(probe.kind) for probe in watched.playbook.probes)
    return next((it for it in last if it.trigger.alert == one.id or (probed and _is_echo(it, one.starts))), None)


def _is_echo(incident: Incident, starts: float) -> bool:
    return incident.outcome == "interrupted" and starts - _ECHO <= incident.opened <= starts


def _asked_since(watched: Watched) -> bool:
    """Whether this loop has an answer of each probe that the server itself has to answer."""
    return all(one.name in watched.latest for one in watched.playbook.probes if registry.answers(one.kind))


def of_alert(watched: Watched, runbook: str) -> TriggerSpec | None:
    """The trigger of the playbook for an alert. A runbook that the alert names must be one that a trigger names."""
    own = next((one for one in watched.playbook.triggers if one.kind == "alert"), None)
    if own is None or not runbook:
        return own
    named = any(runbook in one.run for one in watched.playbook.triggers)
    return replace(own, run=(runbook,)) if named else None
