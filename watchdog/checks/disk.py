"""Is there room on the file system of a path, in bytes and in inodes?"""

from __future__ import annotations

from pathlib import Path

from watchdog.checks.kind import CheckKind
from watchdog.model.kinds import Key
from watchdog.model.playbook import CheckSpec, Percent, Playbook
from watchdog.model.probing import CheckResult, CheckState
from watchdog.system.host import machine
from watchdog.text.units import format_size

_INODES = 1000  # fewer free ones are as bad as no room


def check(spec: CheckSpec, playbook: Playbook) -> CheckResult:
    """Critical below the limit (`free`, 5 % where none is given), a warning below twice of it."""
    state, message = _judge(Path(spec.subject), spec.setting("free", Percent(5.0)))
    return CheckResult(spec.name, state, message, 0.0)


def _judge(path: Path, limit: int | Percent) -> tuple[CheckState, str]:
    there = next((part for part in (path, *path.parents) if part.exists()), path)
    found = machine.disk(str(there))
    if found is None:
        return "unknown", f"the file system of {path} cannot be looked at"
    least = found.total * limit.value / 100 if isinstance(limit, Percent) else float(limit)
    share = 100 * found.free / found.total if found.total else 0.0
    room = f"{found.mount}: {format_size(found.free)} free ({share:.0f}%)"
    if found.free_inodes is not None and found.free_inodes < _INODES and found.total:
        return "critical", f"{room}, but only {found.free_inodes} inodes"
    if found.free < least:
        return "critical", f"{room}, less than {format_size(least)}"
    return ("warning" if found.free < 2 * least else "ok"), room


KIND = CheckKind(
    Key("disk", "file", "a path on the file system"),
    "Is there room on the file system of a path?",
    check,
    keys=(Key("free", "size-or-share", "less than this free is critical", default=Percent(5.0)),),
    warning="less than twice that is free",
    critical="less than that is free",
)
