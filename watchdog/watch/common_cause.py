"""Whether several services fail for one reason that lies elsewhere, until a restart shows the opposite.

A silent peer or a busy disk holds restarts back while it can be seen. That all services failed at the same time is a
weaker reason: after some time one of them is restarted. If that helps, the others follow at once.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from watchdog.policy.pressure import SETTLES, CommonCause, Failing, common_cause
from watchdog.probes import registry
from watchdog.system import clock
from watchdog.system.process import threads
from watchdog.targets.flight import waits_for
from watchdog.text.units import format_duration
from watchdog.watch import looking

if TYPE_CHECKING:
    from watchdog.watch.watched import Watched

_FRESH = 1.0  # seconds for which a look at what a failing server waits for is used again


class CommonCauses:
    """Asked for every service in trouble, from many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._disproved_at = float("-inf")  # when a restart helped, on the monotonic clock
        self._at_once_since: float | None = None
        self._tried_at = float("-inf")
        self._held: dict[str, tuple[float, float]] = {}  # when it was held back last, and since when it failed then
        self._looks: dict[str, tuple[float, frozenset[str], bool]] = {}

    def why(self, watched: Watched, services: Mapping[str, Watched]) -> CommonCause | None:
        """Why its restart has to wait; None if its trouble is its own."""
        if looking.is_certainly_down(watched):
            return None
        with self._lock:
            now = clock.monotonic()
            found, since = common_cause(watched.name, self._asked(services, now)), watched.failing_since
            if since is None or found is None:
                return self._settles(watched, since, now)
            self._held[watched.name] = now, since
            return found if found.kind != "at-once" else self._at_once(watched, found.why, since, now)

    def was_restarted(self) -> None:
        """A restart brought a service back, so a restart helps: what failed before is not held back any more."""
        with self._lock:
            self._disproved_at, self._at_once_since = clock.monotonic(), None

    def _settles(self, watched: Watched, since: float | None, now: float) -> CommonCause | None:
        """Services that shared a cause come back one after the other: one that failed already then gets some time."""
        held_at, then = self._held.get(watched.name, (float("-inf"), None))
        if then != since or held_at <= self._disproved_at or now - held_at >= SETTLES:
            return None
        why = f"the cause that it shared with others is gone; it gets {format_duration(SETTLES)} to come back"
        return CommonCause("settles", why)

    def _at_once(self, watched: Watched, why: str, since: float, now: float) -> CommonCause | None:
        if since <= self._disproved_at:
            return None
        begun = self._at_once_since
        if begun is None or begun <= self._disproved_at or now - max(begun, self._tried_at) > 3 * SETTLES:
            self._at_once_since = begun = now  # not asked for long: that was another trouble
        if now < max(begun, self._tried_at) + SETTLES:
            trial = f"{why}; after {format_duration(SETTLES)} one is restarted to see whether that helps"
            return CommonCause("at-once", trial)
        if watched.playbook.policy.mode == "act":
            self._tried_at = now
        return None

    def _asked(self, services: Mapping[str, Watched], now: float) -> dict[str, Failing | None]:
        """Every service that was asked lately. One that is dead or stopped has its own reason."""
        found: dict[str, Failing | None] = {}
        for name, watched in tuple(services.items()):
            asked = dict(watched.asked_at)
            specs = [one for one in watched.playbook.probes if one.name in asked and registry.answers(one.kind)]
            period = max((one.every + one.timeout for one in specs), default=0.0)
            if not specs or not (watched.acting or now - max(asked.values()) <= 2 * period):
                continue
            since = watched.failing_since
            own_reason = since is None or not watched.failing() or looking.is_certainly_down(watched)
            found[name] = None if own_reason or since is None else Failing(since, period, *self._look(watched, now))
        first = min((one.since for one in found.values() if one is not None), default=0.0)
        # A good answer from before the first failure says nothing about the time since.
        return {name: one for name, one in found.items() if one or max(services[name].asked_at.values()) >= first}

    def _look(self, watched: Watched, now: float) -> tuple[frozenset[str], bool]:
        """What it waits for: addresses that do not reply, and whether a thread waits for a disk."""
        at, peers, on_disk = self._looks.get(watched.name, (float("-inf"), frozenset(), False))
        if now - at > _FRESH:
            tree = watched.tree
            peers = waits_for(tree) if tree else frozenset()
            on_disk = tree is not None and any(one.state == "D" for pid in tree.pids for one in threads.look(pid))
            self._looks[watched.name] = now, peers, on_disk
        return peers, on_disk
