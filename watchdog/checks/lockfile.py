"""Does a lock file stand there that nobody holds? Some programs refuse to start because of one that was left behind."""

from __future__ import annotations

import re
from pathlib import Path

from watchdog.checks.kind import CheckKind
from watchdog.model.kinds import Key
from watchdog.model.playbook import CheckSpec, Playbook
from watchdog.model.probing import CheckResult, CheckState
from watchdog.system import clock
from watchdog.system.disk import files
from watchdog.system.process import filelocks, processes
from watchdog.text.units import format_duration


def check(spec: CheckSpec, playbook: Playbook) -> CheckResult:
    state, message = _judge(Path(spec.subject))
    return CheckResult(spec.name, state, message, 0.0)


def _judge(path: Path) -> tuple[CheckState, str]:
    """Held is what the kernel says is locked, or what names a living process."""
    try:
        facts = path.lstat()
    except FileNotFoundError:
        return "ok", f"{path} is not there"
    except OSError as error:
        return "unknown", f"{path}: {error.strerror}"
    age = format_duration(max(0.0, clock.now() - facts.st_mtime))
    holders = sorted({row.pid for row in filelocks.rows() if row.inode == facts.st_ino and not row.waiting})
    if holders:
        who = ", ".join(_name(pid) for pid in holders)
        return "ok", f"{path} is held by {who}"
    data, _size, _modified, unread = files.tail_bytes(path, 200)
    named = re.fullmatch(rb"\s*([1-9][0-9]{0,9})\b.*", data, re.DOTALL) if not unread else None
    if named and (process := processes.read(int(named[1]))) is not None and not process.ended:
        return "ok", f"{path} names pid {process.pid}, which is running ({process.name})"
    why = f"names pid {int(named[1])}, which is gone" if named else "nobody has it locked"
    return "warning", f"{path} is stale: {why} (it is {age} old); remove it if the service will not start"


def _name(pid: int) -> str:
    process = processes.read(pid) if pid > 0 else None
    return f"pid {pid} ({process.name})" if process else "an unknown process"


KIND = CheckKind(
    Key("lockfile", "file", "the lock file"),
    "Is there a lock file that nobody holds?",
    check,
    warning="nobody holds it",
)
