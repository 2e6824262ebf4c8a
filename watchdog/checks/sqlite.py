"""Is a SQLite file sound? `PRAGMA quick_check`, read-only in every sense.

Even a read-only opening of a WAL database makes its side files, and leaves them behind: owned by root, they would keep
the service from its own database. So where there is no log to be read in, it is opened as immutable, which makes
nothing; and what had to be made is given to the database's owner.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path
from urllib.parse import quote

from watchdog.checks.kind import CheckKind
from watchdog.model.kinds import Key
from watchdog.model.playbook import CheckSpec, Playbook
from watchdog.model.probing import CheckResult, CheckState
from watchdog.system import clock
from watchdog.system.disk import files
from watchdog.text.units import format_duration

_LOCK_WAIT = 2.0  # seconds
_STEPS = 500  # of SQLite's machine between two looks at the clock


def check(spec: CheckSpec, playbook: Playbook) -> CheckResult:
    path = Path(spec.subject)
    state, message = _judge(path, spec.timeout)
    return CheckResult(spec.name, state, f"{path.name}: {message}", 0.0)


def _judge(path: Path, seconds: float) -> tuple[CheckState, str]:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return "critical", "is not there"
    except OSError as error:
        return "unknown", error.strerror or str(error)
    if not stat.S_ISREG(facts.st_mode):
        return "critical", "is not a regular file"
    if facts.st_size == 0:
        return "warning", "is empty"
    for _ in range(3):
        before = _fingerprint(path)
        state, message = _ask(path, facts, seconds)
        if state == "ok" or _fingerprint(path) == before:
            return state, message  # else it was written to while an immutable view was read: once more
    return "unknown", "is being written to all the time"


def _ask(path: Path, facts: os.stat_result, seconds: float) -> tuple[CheckState, str]:
    deadline = clock.Deadline(seconds)
    sides = [path.with_name(path.name + end) for end in ("-wal", "-shm")]
    before = [side.exists() for side in sides]
    has_log = any(side.exists() and side.stat().st_size for side in (sides[0], path.with_name(path.name + "-journal")))
    how = "mode=ro" if has_log else "mode=ro&immutable=1"
    try:
        connection = sqlite3.connect(
            f"file:{quote(os.fspath(path))}?{how}", uri=True, timeout=_LOCK_WAIT, isolation_level=None
        )
        try:
            connection.set_progress_handler(lambda: deadline.over, _STEPS)
            lines = [str(row[0]) for row in connection.execute("PRAGMA quick_check(5)")]
        finally:
            connection.close()
    except sqlite3.Error as error:
        return _trouble(error, seconds)
    finally:
        for side, was_there in zip(sides, before, strict=True):
            if not was_there:
                _give(side, facts)
    if lines == ["ok"]:
        return "ok", "quick_check ok"
    return "critical", f"damaged: {'; '.join(' '.join(line.split()) for line in lines)[:300]}"


def _trouble(error: sqlite3.Error, seconds: float) -> tuple[CheckState, str]:
    text = str(error)
    if "interrupted" in text:
        return "unknown", f"quick_check did not end within {format_duration(seconds)}"
    if "locked" in text:
        return "warning", "is locked by a writer that does not let go"
    if "readonly" in text:
        return "warning", "a write was cut off; SQLite will undo it when the service opens the file"
    if "not a database" in text or "malformed" in text:
        return "critical", f"damaged: {text}"
    return "unknown", text


def _fingerprint(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_mtime_ns, facts.st_size


def _give(side: Path, facts: os.stat_result) -> None:
    with contextlib.suppress(OSError):
        files.give(side, facts)


KIND = CheckKind(
    Key("sqlite", "file", "the database file"),
    "Is the database file sound?",
    check,
    warning="a writer keeps it locked",
    critical="it is damaged, or not there",
)
