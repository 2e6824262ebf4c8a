"""What a server has told its shim (sd_notify), kept in a small file for others to read while the shim lives."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import asdict
from pathlib import Path

from watchdog.model.records import record
from watchdog.system.disk import files
from watchdog.system.shim import posts

_SELDOM = 0.2  # seconds: heartbeats that follow each other sooner are not written one by one


@record(frozen=True)
class Heard:
    """Of the present life of the server. Moments on the monotonic clock of this boot."""

    ready: float | None = None  # when it said READY=1
    beat: float | None = None  # when it said WATCHDOG=1 last
    stopping: float | None = None  # when it said STOPPING=1


def write(folder: str | Path, heard: Heard) -> None:
    """Store it for our own pid, complete or not at all. OSError if the disk does not take it."""
    place = posts.path(folder, os.getpid(), posts.HEARD)
    temporary = place.with_name(f".{place.name}")
    temporary.write_text(json.dumps(asdict(heard)), encoding="ascii")
    temporary.replace(place)


def read(shim_pid: int) -> Heard | None:
    """None if that process is not a shim of our user, or its server has said nothing."""
    with contextlib.suppress(OSError, ValueError, TypeError):
        place = posts.path(files.runtime_folder(), shim_pid, posts.HEARD)
        return Heard(**json.loads(place.read_text(encoding="ascii")))
    return None


def a_new_life(folder: str | Path) -> Heard:
    """The server was started (again), and has said nothing yet. That it speaks at all stays known."""
    if posts.path(folder, os.getpid(), posts.HEARD).exists():
        with contextlib.suppress(OSError):
            write(folder, Heard())
    return Heard()


def forget(folder: str | Path) -> None:
    """We end."""
    with contextlib.suppress(OSError):
        posts.path(folder, os.getpid(), posts.HEARD).unlink(missing_ok=True)


def after(before: Heard, lines: frozenset[str]) -> Heard:
    """With what one more message says; what wd has no use for (STATUS=, MAINPID=) changes nothing."""
    now = time.monotonic()
    ready, beat, stopping = before.ready, before.beat, before.stopping
    if "READY=1" in lines:
        ready = ready or now
    if "WATCHDOG=1" in lines and (beat is None or now - beat >= _SELDOM):
        beat = now
    if "STOPPING=1" in lines:
        stopping = stopping or now
    return Heard(ready, beat, stopping)
