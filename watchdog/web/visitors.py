"""Who is signed in, and how often somebody may try: kept in memory, so a restart signs everybody out."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading

from watchdog.model.records import record
from watchdog.system import clock
from watchdog.web.users import Role

_LASTS = 12 * 3600.0  # seconds for which somebody stays signed in
_MOST = 1000  # sessions at a time
_TRIES, _PAUSE = 5, 60.0  # failed tries, and the seconds in which they are counted
_SOURCES = 5000  # that are remembered


@record(frozen=True)
class Visitor:
    """Whoever asks: a person who is signed in, the user that runs wd, or a program with a token."""

    name: str
    role: Role
    source: str  # the address it asks from
    form_key: str = ""  # what a form must bring back; empty for a program

    @property
    def may_act(self) -> bool:
        return self.role == "act"


class Sessions:
    """The cookie of a person holds a random key, and nothing else."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._secret = secrets.token_bytes(32)
        self._open: dict[str, tuple[str, float]] = {}  # key -> (user, until when, on the monotonic clock)

    def begin(self, user: str) -> str:
        key = secrets.token_urlsafe(32)
        now = clock.monotonic()
        with self._lock:
            self._open = {one: told for one, told in self._open.items() if told[1] > now}
            while len(self._open) >= _MOST:
                del self._open[next(iter(self._open))]
            self._open[key] = (user, now + _LASTS)
        return key

    def user(self, key: str) -> str:
        """Who it is; empty for nobody."""
        with self._lock:
            user, until = self._open.get(key, ("", 0.0))
        return user if until > clock.monotonic() else ""

    def end(self, key: str) -> None:
        with self._lock:
            self._open.pop(key, None)

    def form_key(self, key: str) -> str:
        """What the forms of the browser with this cookie bring back. Another site cannot know it."""
        return hmac.new(self._secret, key.encode(), hashlib.sha256).hexdigest()


class Tries:
    """Counts failed tries to sign in, by where they come from and by whom they name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failed: dict[str, list[float]] = {}

    def is_too_many(self, *sources: str) -> bool:
        edge = clock.monotonic() - _PAUSE
        with self._lock:
            return any(sum(at > edge for at in self._failed.get(one, ())) >= _TRIES for one in sources)

    def failed(self, *sources: str) -> None:
        now = clock.monotonic()
        with self._lock:
            for one in sources:
                recent = [at for at in self._failed.pop(one, ()) if at > now - _PAUSE]
                self._failed[one] = [*recent, now][-_TRIES:]
            while len(self._failed) > _SOURCES:
                del self._failed[next(iter(self._failed))]
