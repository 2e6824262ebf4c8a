"""What the pages show of the services: looked up by one thread while somebody watches, and shared by all who do."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from watchdog.commands.standing import Standing, worst_first
from watchdog.commands.standings import Standings
from watchdog.config import playbooks
from watchdog.journal.store import Journal
from watchdog.model.errors import BadConfig
from watchdog.model.playbook import Playbook
from watchdog.model.records import record
from watchdog.system import clock
from watchdog.watch.loading import Fingerprint, fingerprint

_FRESH = 1.0  # seconds for which a look counts as of now
_POINTS = 120  # of a curve: more are not seen
_STALE = 5.0  # seconds after which a visitor waits for a new one


@record(frozen=True)
class Look:
    """All services at one moment, the worst first."""

    at: float  # seconds since the epoch
    found: tuple[Standing, ...] = ()
    broken: tuple[Path, ...] = ()  # playbooks with mistakes

    def of(self, service: str) -> Standing | None:
        return next((one for one in self.found if one.playbook.service == service), None)


class Looks:
    """`now()` from any thread."""

    def __init__(self, home: Path, state: Path, journal: Callable[[], Journal]) -> None:
        self._home, self._state, self._journal = home, state, journal
        self._lock = threading.Lock()
        self._last, self._taken = Look(0.0), float("-inf")
        self._seen: Fingerprint | None = None
        self._of: Journal | None = None
        self._standings: Standings | None = None
        self._broken: tuple[Path, ...] = ()
        # What is made of each look before anybody gets it, by the thread that took it: a visitor waits for neither.
        self.prepare: Callable[[Look], None] = _nothing

    def now(self) -> Look:
        """The last look; a new one is taken beside it, or waited for if the last one is old."""
        age = clock.monotonic() - self._taken
        if age > _STALE:
            with self._lock:
                if clock.monotonic() - self._taken > _STALE:
                    self._take()
        elif age > _FRESH and self._lock.acquire(blocking=False):
            threading.Thread(target=self._take_beside, daemon=True, name="wd-look").start()
        return self._last

    def again(self) -> None:
        """Something was changed: whoever asks next sees it."""
        with self._lock:
            self._taken = float("-inf")

    def _take_beside(self) -> None:
        try:
            self._take()
        finally:
            self._lock.release()

    def _take(self) -> None:
        journal, seen = self._journal(), fingerprint(self._home)
        if self._standings is None or seen != self._seen or journal is not self._of:
            found, self._broken = _sound(self._home)
            self._standings, self._seen, self._of = Standings(journal, self._state, found, _POINTS), seen, journal
        found_now = tuple(sorted(self._standings.look(), key=worst_first))
        last = Look(clock.now(), found_now, self._broken)
        self.prepare(last)
        self._last, self._taken = last, clock.monotonic()


def _nothing(found: Look) -> None:
    """Nobody shows it."""


def _sound(home: Path) -> tuple[tuple[Playbook, ...], tuple[Path, ...]]:
    try:
        return playbooks.sound(home)
    except BadConfig:  # the folder itself cannot be read any more
        return (), (home / "playbooks",)
