"""The page beside the loop: a process of its own, started again when it has ended."""

from __future__ import annotations

from collections.abc import Sequence

from watchdog.system import clock
from watchdog.system.child.companion import Companion
from watchdog.watch.loop_state import LoopState

_LONGEST_PAUSE = 300.0  # seconds before a page that ends again and again is started again
_LASTED = 60.0  # seconds after which its next end is a new one


class Page:
    """`look` is called every few seconds."""

    def __init__(self, state: LoopState, argv: Sequence[str]) -> None:
        self._state, self._companion = state, Companion(argv)
        self._began = self._next = float("-inf")
        self._pause = 0.0

    def look(self) -> None:
        now = clock.monotonic()
        if self._companion.runs or now < self._next:
            return
        if self._companion.code is not None and self._next <= self._began:
            lasted = now - self._began > _LASTED
            self._pause = 1.0 if lasted else min(max(1.0, 2 * self._pause), _LONGEST_PAUSE)
            self._next = now + self._pause
            words = f"the page has ended with code {self._companion.code}; it is started again in {self._pause:g} s"
            self._state.say("", words, "ERROR")
            return
        self._began = now
        try:
            self._companion.start()
        except OSError as error:
            self._state.say("", f"the page cannot be started: {error}", "ERROR")

    def end(self) -> None:
        self._companion.end()
