"""One run a target at a time, on the whole machine: the second one learns who works on it.

The lock is the operating system's, on an open file, so it ends with its holder, kill -9 included. Who holds it stands
beside it in a small JSON file that is information only, never truth.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from watchdog.model.errors import CannotTell, Refused
from watchdog.model.process import Identity
from watchdog.model.records import record
from watchdog.system.clock import now
from watchdog.system.disk import flock
from watchdog.system.disk.files import make_folder, runtime_folder, write_atomic
from watchdog.system.host import accounts
from watchdog.system.process import processes
from watchdog.text.units import format_duration

_LOOP = "loop"  # the first word in the name of each lock of a loop
_GATE = "a new loop"
_GATE_WAIT, _LOOK = 10.0, 1.0  # seconds; the holder of the gate looks at a few locks and enters


@record(frozen=True)
class Holder:
    """Who holds a lock."""

    identity: str  # of the process: boot, pid, start time
    user: str
    purpose: str  # "run frozen-server on shop"
    since: float  # seconds since the epoch

    @property
    def pid(self) -> int:
        return Identity.parse(self.identity).pid

    def __str__(self) -> str:
        return f"{self.purpose} (pid {self.pid}, user {self.user}, for {format_duration(max(0.0, now() - self.since))})"


@contextlib.contextmanager
def target_lock(key: str, purpose: str, wait: float = 0.0, folder: Path | None = None) -> Iterator[None]:
    """Hold the target named by `key` ("shop", "port:8000") while the body runs.

    `wait` is in seconds. Refused with the holder's pid, user, purpose and age if another has it. Children that are
    started meanwhile do not inherit it. CannotTell if there is no place for a lock: nothing may be acted on then.
    """
    with contextlib.ExitStack() as stack:
        try:
            where = make_folder(folder or locks_folder())
            lock = _lock_file(where, key)
            note = lock.with_suffix(".json")
            stack.enter_context(flock.held(lock, wait))
        except flock.Busy:
            who = _holder(note)
            raise Refused(
                f"another wd works on {_shown(key)}",
                f"it is held by {who}" if who else "its holder has not written who it is",
                "wait until it is done, or end that process",
            ) from None
        except OSError as error:
            raise CannotTell(
                f"{_shown(key)} cannot be locked", str(error), "Nothing was done: repair that folder."
            ) from None
        try:
            with contextlib.suppress(OSError):  # on a full disk only the name of the holder is lost
                # Not settled: after a power cut nobody holds the lock.
                write_atomic(note, json.dumps(asdict(Holder(_ourselves(), _user(), purpose, now()))), settle=False)
            yield
        finally:
            with contextlib.suppress(OSError):
                note.unlink()


@contextlib.contextmanager
def loop_lock(state: Path, service: str | None = None) -> Iterator[None]:
    """Be the loop of a home while the body runs, or of its one service.

    Refused with the pid of a loop that watches any of it already.
    """
    with contextlib.ExitStack() as stack:
        with target_lock(
            _GATE, "wd watch begins", wait=_GATE_WAIT, folder=state
        ):  # one loop at a time looks and enters
            for running in _loops(state, service):
                raise Refused(
                    f"{service or 'this home'} is watched already",
                    f"a loop runs: {running}",
                    f"use that one, or end it first: kill -TERM {running.pid}",
                )
            purpose = f"wd watch --service {service}" if service else "wd watch"
            # A mere look at a lock holds it for a moment.
            stack.enter_context(target_lock(_loop(service), purpose, wait=_LOOK, folder=state))
        yield


def loop_of(state: Path, service: str) -> Holder | None:
    """The loop that watches this service now, alone or with the whole home; None if there is none."""
    return next(_loops(state, service), None)


def _loops(state: Path, service: str | None) -> Iterator[Holder]:
    """The loops that watch this service; without one, every loop of the home."""
    keys = [_loop(None), _loop(service)] if service else []
    paths = [_lock_file(state, key) for key in keys] or sorted(state.glob(f"{_LOOP}*.lock"))
    for path in paths:
        if (running := _held_by(path)) is not None:
            yield running


def _loop(service: str | None) -> str:
    return f"{_LOOP}:{service}" if service else _LOOP


def locks_folder() -> Path:
    """Where the locks of all targets lie."""
    return runtime_folder() / "locks"


def holder(key: str, where: Path | None = None) -> Holder | None:
    """Who works on this target now; None if nobody does. `where`: `locks_folder()`, for whoever asks about many."""
    return _held_by(_lock_file(where or locks_folder(), key))


def _held_by(path: Path) -> Holder | None:
    if not path.exists():
        return None
    try:
        with flock.held(path):
            return None
    except flock.Busy:
        return _holder(path.with_suffix(".json"))
    except OSError:
        return None


def _holder(note: Path) -> Holder | None:
    """What the holder wrote. A note whose writer is dead is from before: the real holder is about to write its own."""
    for _ in range(20):
        with contextlib.suppress(OSError, ValueError, TypeError):
            found = Holder(**json.loads(note.read_bytes()))
            if processes.is_alive(Identity.parse(found.identity)):
                return found
        time.sleep(0.025)
    return None


def _ourselves() -> str:
    me = processes.read(os.getpid())
    return str(me.identity) if me else f"{processes.boot_id()}:{os.getpid()}:0"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no name for this number
        return accounts.our_name()


def _shown(key: str) -> str:
    """A target in words: "port 8000", "pid 4242", "service shop"."""
    kind, _, name = key.partition(":")
    with contextlib.suppress(ValueError):
        return f"{kind} {Identity.parse(name).pid}"
    return f"{kind} {name}".strip()


def _lock_file(folder: Path, key: str) -> Path:
    """Its name is readable, safe, and different for different keys."""
    if re.fullmatch(r"port:[0-9]{1,5}", key):
        return folder / f"{key.replace(':', '-')}.lock"
    import hashlib  # here: it takes longer than all the rest of a lock

    name = re.sub(r"[^A-Za-z0-9_-]", "_", key)[:60]
    return folder / f"{name}-{hashlib.sha256(key.encode()).hexdigest()[:8]}.lock"
