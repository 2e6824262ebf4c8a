"""Does a pid file name a process that is not there any more, or that is another one by now?"""

from __future__ import annotations

import re
from pathlib import Path

from watchdog.checks.kind import CheckKind
from watchdog.model.kinds import Key
from watchdog.model.playbook import CheckSpec, Playbook
from watchdog.model.probing import CheckResult, CheckState
from watchdog.system.disk import files
from watchdog.system.process import processes

_SLACK = 5.0  # seconds between a process's start as the kernel counts it and the file's time


def check(spec: CheckSpec, playbook: Playbook) -> CheckResult:
    state, message = _judge(Path(spec.subject))
    return CheckResult(spec.name, state, message, 0.0)


def _judge(path: Path) -> tuple[CheckState, str]:
    data, _size, modified, error = files.tail_bytes(path, 200)
    if error == "No such file or directory":
        return "ok", f"{path} is not there"
    if error:
        return "unknown", f"{path}: {error}"
    text = data.strip()
    if not re.fullmatch(rb"[1-9][0-9]{0,9}", text):
        return "warning", f"{path} holds no pid but {text[:40].decode('ascii', 'backslashreplace')!r}"
    pid = int(text)
    process = processes.read(pid)
    if process is None or process.ended:
        return "warning", f"{path} is stale: pid {pid} is not running; remove it if the service will not start"
    command = processes.with_commands([process]).get(pid, process).shown(120)
    if modified is not None and process.started > modified + _SLACK:
        return "critical", f"{path} is stale and its pid {pid} belongs to another program by now: {command}"
    return "ok", f"pid {pid} is running: {command}"


KIND = CheckKind(
    Key("pidfile", "file", "the pid file"),
    "Does a pid file name a process that has ended?",
    check,
    warning="its process is not there",
    critical="its pid now belongs to another program",
)
