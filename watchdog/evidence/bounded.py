"""One collector, one deadline: a collector that stalls or fails leaves a gap, never a hole in the whole."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from watchdog.model.evidence import Gap

T = TypeVar("T")


class Attempt(Generic[T]):
    """A collector at work in its own daemon thread, which is left behind if it does not come back."""

    def __init__(self, name: str, work: Callable[[], T], otherwise: T) -> None:
        self._name, self._work, self._value = name, work, otherwise
        self._error = ""
        self._done = threading.Event()
        threading.Thread(target=self._run, name=f"collect {name}", daemon=True).start()

    def _run(self) -> None:
        try:
            self._value = self._work()
        except Exception as error:  # noqa: BLE001 - whatever went wrong in one collector is a gap in the evidence
            self._error = f"{type(error).__name__}: {error}"[:200]
        finally:
            self._done.set()

    def done(self, seconds: float = 0.0) -> bool:
        """Whether it has come back, waiting at most so long."""
        return self._done.wait(seconds)

    def take(self, seconds: float) -> tuple[T, Gap | None]:
        """What it found, or what it would have found at best and the gap."""
        if not self._done.wait(seconds):
            return self._value, Gap(self._name, f"not done within {seconds:.1f} s")
        return self._value, Gap(self._name, self._error) if self._error else None
