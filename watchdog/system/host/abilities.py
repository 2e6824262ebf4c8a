"""What this machine lets us do: the self-test behind `wd doctor`. It changes nothing but a child of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from watchdog.model.records import record
from watchdog.system import signals
from watchdog.system.process import processes


@record(frozen=True)
class Ability:
    """One thing that wd needs or likes to have."""

    name: str
    there: bool
    detail: str
    remedy: str = ""
    needed: bool = False  # without it a main command cannot work


def all_abilities() -> tuple[Ability, ...]:
    """Each look is independent: one that fails never hides the others."""
    return (_system(), _table(), _hold(), _rights(), _trace_scope(), _pressure(), *_programs())


def _system() -> Ability:
    proven = sys.platform.startswith("linux")
    detail = f"{sys.platform}, Python {sys.version.split()[0]}"
    return Ability("system", proven, detail, "" if proven else "Only Linux is proven; the rest is by design.")


def _table() -> Ability:
    found = processes.table()
    return Ability("process table", bool(found), f"{len(found)} processes can be seen", needed=True)


def _hold() -> Ability:
    """Hold and end a child of our own, the very way that a kill would."""
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        held = signals.hold(child.pid)
        if held is None:
            return Ability("safe kill", False, "a child of our own could not be held", needed=True)
        held.close()
        return Ability("safe kill", True, "a process can be held (pidfd) before it is signalled", needed=True)
    except Exception as error:  # noqa: BLE001 - whatever stands in the way is the answer
        remedy = "Linux 5.3 or later is needed; --allow-unsafe-kill goes by the start time."
        return Ability("safe kill", False, f"no process can be held: {error}", remedy, needed=True)
    finally:
        signals.end_child(child)


def _rights() -> Ability:
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        return Ability("rights", True, "administrator: every process can be seen and ended")
    return Ability("rights", False, "an ordinary user: only your own processes", "sudo for other users' servers")


def _trace_scope() -> Ability:
    path = Path("/proc/sys/kernel/yama/ptrace_scope")
    try:
        scope = int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return Ability("stacks", True, "nothing forbids reading a process's stack")
    if scope == 0 or (hasattr(os, "geteuid") and os.geteuid() == 0 and scope < 3):
        return Ability("stacks", True, f"ptrace_scope is {scope}: stacks can be read")
    remedy = "sudo, or sysctl kernel.yama.ptrace_scope=0; in a container: --cap-add SYS_PTRACE"
    return Ability("stacks", False, f"ptrace_scope is {scope}: only children's stacks can be read", remedy)


def _pressure() -> Ability:
    there = Path("/proc/pressure/memory").exists()
    remedy = "" if there else "A kernel with CONFIG_PSI; without it load and swap tell a starved machine."
    return Ability("pressure", there, "pressure stall information", remedy)


def _programs() -> tuple[Ability, ...]:
    """Who could start a service, or wd itself, on this machine."""
    names = {"systemctl": "services of systemd", "crontab": "wd tick from cron", "docker": "containers"}
    return tuple(
        Ability(name, shutil.which(name) is not None, use if shutil.which(name) else f"not installed ({use})")
        for name, use in names.items()
    )
