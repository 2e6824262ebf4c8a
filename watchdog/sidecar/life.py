"""The life of a sidecar: its children one after the other, what is done about a fault, and the end.

The host is answered in any case: by the child, by the next child, or by an error. At most three children in a row are
tried; a child that was well for a while begins the count again.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from typing import Any

from watchdog.sidecar.child_errors import ChildErrors
from watchdog.sidecar.conversation import Request
from watchdog.sidecar.flow import Inlet
from watchdog.sidecar.notes import LOOKING, Notes
from watchdog.sidecar.records import Fault
from watchdog.sidecar.settings import Settings
from watchdog.sidecar.traffic import Traffic, backoff
from watchdog.system import clock, signals
from watchdog.system.child.kept import HostStreams, KeptChild, parent_watch
from watchdog.text import exit_codes
from watchdog.text.units import format_duration

_CLOSED_MOMENT = 1.0  # seconds in which a child that closed a stream may end by itself
_STUCK = 10.0  # seconds for which both directions are full
_EARLY = 5.0  # seconds before a limit at which the looking begins, and at most this share of the limit:
_EARLY_SHARE = 0.5
_AFTER_HOST = 10.0  # seconds without a byte of the child, or taken by the host, once the session ends
_GONE_WITHIN = 20.0


class Life:
    """One session of a host."""

    def __init__(self, settings: Settings, streams: HostStreams, notes: Notes) -> None:
        self._loop = asyncio.get_running_loop()
        self._settings, self._notes = settings, notes
        self._happened = asyncio.Event()
        self.traffic = Traffic(self._loop, settings, streams, self._happened.set)
        self._streams = streams
        self._errors = ChildErrors(self.traffic.metrics)
        self._from_errors = Inlet(self._loop, self._errors.take, lambda: None)
        self._command = settings.command
        self._child: KeptChild | None = None
        self._began = 0.0
        self._pings = 0
        self._tries = 0  # restarts in a row
        self._stop: int | None = None  # the signal that asks us to end
        self._host_died = False
        self._look: asyncio.Task[dict[str, Any]] | None = None
        self._looked_for: Request | Fault | None = None
        notes.attach(self.traffic, self.say)

    def say(self, text: str) -> None:
        self._errors.say(f"wd sidecar: {text}\n".encode("utf-8", "backslashreplace"))

    async def run(self) -> int:
        """Until the host or the child is done; gives the exit code for the host."""
        self._watch_host()
        reporting = self._loop.create_task(self._notes.report_often())
        try:
            return await self._children()
        finally:
            reporting.cancel()
            if self._look is not None:
                self._look.cancel()
            await self._last_words()
            self.say(self._notes.summary())
            await self._notes.close()
            self._errors.close(1.0)

    def _watch_host(self) -> None:
        for number in filter(None, (*signals.ENDING, signals.HUP)):
            self._loop.add_signal_handler(number, self._asked_to_stop, number)
        if (watch := parent_watch()) is not None:
            self._loop.add_reader(watch, self._parent_ended, watch)

    def _asked_to_stop(self, number: int) -> None:
        self._stop = self._stop or number
        self._happened.set()

    def _parent_ended(self, watch: int) -> None:
        """A parent that ends before the first message was only a launcher of ours."""
        self._loop.remove_reader(watch)
        self._host_died = self.traffic.host_spoke
        self._happened.set()

    async def _children(self) -> int:
        again = False
        while True:
            child = self._start(again)
            fault = await self._one_child(child)
            if fault is None:
                await self._end(child, self._settings.watch.grace)
                return self._code(child)
            code = await self._replace(child, fault)
            if code is not None:
                return code
            again = True

    def _start(self, again: bool) -> KeptChild:
        child = KeptChild(self._command, self._settings.cwd, self._settings.env)
        self._child, self._began = child, self._loop.time()
        self._errors.forget()
        self._notes.child_began = clock.now()
        self._loop.add_reader(child.events, self._child_told, child)
        self._from_errors.attach(child.stderr)
        self.traffic.connect(child, again=again)
        return child

    def _child_told(self, child: KeptChild) -> None:
        child.look()
        if child.gone:
            self._loop.remove_reader(child.events)
        self._happened.set()

    # While a child lives

    async def _one_child(self, child: KeptChild) -> Fault | None:
        """Until it has a fault, or the session is over (None)."""
        while True:
            self._happened.clear()
            if child.ended or child.problem:
                return self._death(child)
            if self._stop is not None or self._host_died or self.traffic.host_left:
                return None
            if self.traffic.host_over and self._is_finished(child):
                return None
            self._ask_if_silent()
            if fault := self.traffic.fault or self._stuck(child):
                return fault
            await self._wait_happened(self._pause())

    def _ask_if_silent(self) -> None:
        """Only where the playbook or the command line wants a ping; no second one before the first is answered."""
        traffic, every = self.traffic, self._settings.watch.ping
        if every and traffic.may_ping and self._loop.time() - traffic.last_moved >= every:
            self._pings += 1
            traffic.ping(f"wd-{self._pings}")

    def _is_finished(self, child: KeptChild) -> bool:
        """The host says no more: the child hears that, and ends by itself as long as it does something."""
        traffic = self.traffic
        if child.stdin >= 0 and traffic.has_told_all():
            child.close_stdin()
        silent = self._loop.time() - traffic.last_from_child
        return child.stdin < 0 and not len(traffic.conversation) and silent > _AFTER_HOST

    def _death(self, child: KeptChild) -> Fault | None:
        """None where the child was to end, or had nothing to do with the host."""
        if child.problem:
            return Fault("not-started", f"could not be started: {child.problem}")
        if self.traffic.host_over or self.traffic.said_goodbye or self._stop is not None:
            return None
        if child.code == 0 and not self.traffic.host_spoke:
            return None
        return Fault("died", f"ended {ending(child.code)} after {format_duration(self._loop.time() - self._began)}")

    def _stuck(self, child: KeptChild) -> Fault | None:
        """A hang, and other ways to be of no use; the evidence of a hang is looked for a little before its limit."""
        traffic, now = self.traffic, self._loop.time()
        if not traffic.child_closed and child.identity is not None and child.reads_no_more:
            traffic.child_closes("standard input")
        if traffic.child_closed and now - traffic.child_closed > _CLOSED_MOMENT and not traffic.host_over:
            return Fault("closed", f"closed its {traffic.closed_stream} and lives on")
        if fault := self._both_full(child):
            return fault
        limits = self._settings.limits
        if traffic.form != "raw" and traffic.unread_for > limits[""]:
            return Fault("hung", f"has read nothing for {format_duration(limits[''])} though messages wait for it")
        if self._has_fallback and (why := traffic.metrics.why_too_many_drops(self._settings.watch.drops)):
            return Fault("drops", f"is too slow: {why}")
        if slow := traffic.conversation.slow(now, limits):
            self.say(f"{slow.message.method or 'a request'} has no answer, and others are answered: it is slow")
        soon = traffic.conversation.overdue(now, limits, self._lead(limits))
        if soon is None:
            self._stop_looking()
            return None
        self._look_early(child, soon, None)
        if traffic.conversation.overdue(now, limits) is None:
            return None
        asked, waited = soon.message.method or "a request", format_duration(now - soon.asked)
        return Fault("hung", f"has not answered {asked} for {waited}")

    def _both_full(self, child: KeptChild) -> Fault | None:
        """Both directions are full, and the look at it is done.

        The look comes first: reading the child's last bytes makes room, and the child moves on from where it stuck.
        """
        stuck = self.traffic.stuck_for
        if stuck < _STUCK - _EARLY:
            if isinstance(self._looked_for, Fault):
                self._cancel_look()
            return None
        fault = Fault("both-full", f"writes and reads no more, as the host does, for {format_duration(_STUCK)}")
        self._look_early(child, None, fault)
        return fault if stuck > _STUCK and self._look is not None and self._look.done() else None

    def _lead(self, limits: dict[str, float]) -> float:
        return min(_EARLY, _EARLY_SHARE * min(limits.values()))

    def _look_early(self, child: KeptChild, request: Request | None, fault: Fault | None) -> None:
        wanted = request or fault
        if self._look is None or (self._look.done() and self._looked_for != wanted):
            self._looked_for = wanted
            self._look = self._loop.create_task(self._notes.look(child, request, fault, self._errors.tail()))

    def _stop_looking(self) -> None:
        """At a request that was answered meanwhile."""
        waits = isinstance(self._looked_for, Fault) or self._looked_for in list(self.traffic.conversation.pending)
        if self._look is not None and not waits:
            self._cancel_look()

    def _cancel_look(self) -> None:
        if self._look is not None:
            self._look.cancel()
        self._look, self._looked_for = None, None

    def _pause(self) -> float:
        """Seconds until something must be looked at."""
        return min((0.5 if self.traffic.child_closed else 1.0, *self._dues()))

    def _dues(self) -> Iterator[float]:
        limits = self._settings.limits
        left = self.traffic.conversation.left(self._loop.time(), limits)
        if left is not None:
            lead = self._lead(limits)
            yield max(0.01, left - lead if left > lead else left)

    # A fault

    async def _replace(self, child: KeptChild, fault: Fault) -> int | None:
        """Errors to the host, evidence, the end of this child; then None for the next, or the exit code."""
        metrics = self.traffic.metrics
        metrics.hangs += fault.kind in ("hung", "both-full")
        metrics.deaths += fault.kind in ("died", "not-started")
        if self._loop.time() - self._began > self._settings.watch.healthy:
            self._tries = 0
        goes_on = self._tries < self._settings.watch.restarts and not self.traffic.host_over
        promise = "wd starts it again: ask again" if goes_on else "wd does not start it again"
        self.traffic.fail_lost(f"the server {fault.told}; {promise}", fault.kind, keep_handshake=goes_on)
        self.say(f"{self._settings.service} {fault.told}")
        looked = await self._evidence(child, fault)
        await self._end(child, 0.0 if fault.kind == "both-full" else self._settings.watch.grace)
        self._notes.incident(child, fault, looked, goes_on)
        if not goes_on:
            self._give_up(fault)
            return self._code(child) or 2
        self._tries += 1
        metrics.restarts += 1
        self._roll_back()
        await self._wait(backoff(self._tries))
        self.say(f"restart {self._tries} of {self._settings.watch.restarts}")
        return None if self._stop is None and not self._host_died else self._code(child)

    async def _evidence(self, child: KeptChild, fault: Fault) -> dict[str, Any]:
        """What the look found, or a look at what is left. Never longer than its time."""
        self._from_errors.drain()
        look, self._look = self._look, None
        if look is None:
            look = self._loop.create_task(self._notes.look(child, None, fault, self._errors.tail()))
        done, _ = await asyncio.wait({look}, timeout=LOOKING + 5.0)
        if not done:
            look.cancel()
            return {}
        return {} if look.cancelled() or look.exception() else look.result()

    def _roll_back(self) -> None:
        """A passed limit on a rate, or the last try: the fallback command, where there is one."""
        watch = self._settings.watch
        why = self.traffic.metrics.why_roll_back(watch.deadlocks, watch.drops)
        if not why and self._tries == watch.restarts:
            why = f"{self._tries} restarts in a row did not help"
        if why and self._has_fallback:
            self._command = self._settings.fallback
            self.traffic.metrics.rollbacks += 1
            self.say(f"rollback: {why}; the fallback command is started from now on")

    @property
    def _has_fallback(self) -> bool:
        """One that is not started yet."""
        return bool(self._settings.fallback) and self._command != self._settings.fallback

    def _give_up(self, fault: Fault) -> None:
        text = f"wd gave up on {self._settings.service} after {self._tries} restarts: it {fault.told}"
        self.traffic.fail(list(self.traffic.conversation.pending), text, fault.kind)
        self.traffic.notice(text)
        self.say(text)
        self._notes.gave_up = f"it {fault.told}"

    # The end

    async def _end(self, child: KeptChild, grace: float) -> None:
        """End all of the child and take its last bytes; its requests were answered before."""
        child.end(grace)
        await self._until(lambda: child.gone, _GONE_WITHIN)
        self._from_errors.drain()
        self._from_errors.detach()
        self.traffic.fail_lost(f"the server ended {ending(child.code)}", "ended", keep_handshake=False)
        if not child.gone:
            self._loop.remove_reader(child.events)
        left = await self._loop.run_in_executor(None, child.release)
        if left:
            self.say(f"still there: {', '.join(f'pid {pid}' for pid in left)}")

    async def _until(self, condition: Callable[[], bool], within: float) -> None:
        end = self._loop.time() + within
        while not condition() and (left := end - self._loop.time()) > 0:
            self._happened.clear()
            await self._wait_happened(min(left, 0.2))

    async def _wait(self, seconds: float) -> None:
        """A pause that ends when the session does."""
        await self._until(lambda: self._stop is not None or self._host_died or self.traffic.host_left, seconds)

    async def _wait_happened(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._happened.wait(), seconds)

    def _code(self, child: KeptChild) -> int:
        code = child.code
        if code is None:
            return 128 + self._stop if self._stop else 2
        return 128 - code if code < 0 else code

    async def _last_words(self) -> None:
        """What the host has not read yet; then end of file."""
        if not self._host_died and not self.traffic.host_left:
            out = self.traffic.to_host
            while not out.empty and not self.traffic.host_left and self._loop.time() - out.moved < _AFTER_HOST:
                await self._until(lambda: out.empty or self.traffic.host_left, 1.0)
        self._streams.close()


def ending(code: int | None) -> str:
    """How a process ended, as part of a sentence."""
    if code is None:
        return "in a way that is not known"
    if code >= 0:
        return f"with {exit_codes.in_words(code)}"
    try:
        return f"by {signal.Signals(-code).name}"
    except ValueError:
        return f"by signal {-code}"
