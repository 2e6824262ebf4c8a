"""Ends of processes that the system remembers: who was ended because memory ran out, and who crashed."""

from __future__ import annotations

from watchdog.model.evidence import Exit, Gap
from watchdog.system import clock
from watchdog.system.host import event_log, kernel_log

RECENT = 3600.0  # seconds: what the kernel ended earlier than that says nothing about the trouble of now


def oom_kills() -> tuple[tuple[Exit, ...], Gap | None]:
    """Recent out-of-memory kills on this machine, of any process."""
    now = clock.now()
    try:
        kills = kernel_log.oom_kills(now)
    except PermissionError:
        return (), Gap("kernel log", "no right to read it", "sudo dmesg | grep -i 'killed process'")
    except OSError as error:
        return (), Gap("kernel log", str(error))
    return tuple(
        Exit(when=kill.when, pid=kill.pid, signal=9, peak_rss=kill.rss, last_lines=(kill.text,), source="kernel")
        for kill in kills
        if now - kill.when <= RECENT
    ), None


def crashes() -> tuple[tuple[Exit, ...], Gap | None]:
    """Recent crashes on this machine, of any program, where the system keeps a list of them."""
    try:
        found = event_log.crashes(clock.now(), RECENT)
    except OSError as error:
        return (), Gap("event log", str(error))
    return tuple(
        Exit(when=one.when, pid=one.pid, code=one.code, last_lines=(one.text,), source="event log") for one in found
    ), None
