"""What wd may do on this machine: the self-test behind `wd doctor`. It signals nothing but its own child."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable

from watchdog.model.records import record
from watchdog.system import here, holds, signals
from watchdog.system.child import commands
from watchdog.system.host import accounts, machine
from watchdog.system.process import processes, rights

_ANSWER_WITHIN = 3.0  # seconds for a manager


@record(frozen=True)
class Ability:
    """One thing that wd needs or can use."""

    name: str
    there: bool
    detail: str
    remedy: str = ""
    needed: bool = False  # without it a main command cannot work


def all_abilities() -> tuple[Ability, ...]:
    """Each look is independent: one that fails never hides the others."""
    return (_system(), _table(), _hold(), _rights(), _trace_scope(), _pressure(), *_programs())


def _system() -> Ability:
    detail = f"{here.NAME}, Python {sys.version.split()[0]}"
    proven = here.PROVEN
    return Ability("system", proven, detail, "" if proven else "Only Linux is proven; the rest is by design.")


def _table() -> Ability:
    found = processes.table()
    return Ability("process table", bool(found), f"{len(found)} processes can be seen", needed=True)


def _hold() -> Ability:
    """Hold and end a child of our own, the very way that a kill would."""
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    try:
        held = holds.hold(child.pid)
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
    if rights.sees_all():
        return Ability("rights", True, "every process can be seen and ended")
    who = "root without the capability SYS_PTRACE" if accounts.is_admin() else "an ordinary user"
    detail = f"{who}: which ports, files and stacks belong to other processes cannot be seen"
    return Ability("rights", False, detail, rights.remedy())


def _trace_scope() -> Ability:
    scope = rights.trace_scope()
    if scope is None:
        return Ability("stacks", True, "nothing forbids reading a process's stack")
    if scope == 0 or (rights.sees_all() and scope < 3):
        return Ability("stacks", True, f"ptrace_scope is {scope}: stacks can be read")
    remedy = "sudo, or sysctl kernel.yama.ptrace_scope=0; in a container: --cap-add SYS_PTRACE"
    return Ability("stacks", False, f"ptrace_scope is {scope}: only children's stacks can be read", remedy)


def _pressure() -> Ability:
    there = bool(machine.glance().pressure)
    remedy = "" if there else "A kernel with CONFIG_PSI; without it load and swap tell a starved machine."
    return Ability("pressure", there, "pressure stall information", remedy)


def _programs() -> tuple[Ability, ...]:
    """Who could start a service, or wd itself, on this machine: asked, for an installed program may not run."""
    cron = any(process.name in ("cron", "crond", "fcron") for process in processes.table().values())
    return (
        _manager("systemctl", "services of systemd", lambda: _answers("systemctl", "show-environment")),
        _manager("crontab", "wd tick from cron", lambda: "" if cron else "no cron daemon runs"),
        _manager("docker", "containers", lambda: _answers("docker", "version", "--format", "{{.Server.Version}}")),
    )


def _manager(name: str, use: str, why_not: Callable[[], str]) -> Ability:
    if shutil.which(name, path=accounts.PATH) is None:
        return Ability(name, False, f"not installed ({use})")
    problem = why_not()
    return Ability(name, not problem, f"{use}: installed, but it does not run: {problem}" if problem else use)


def _answers(*argv: str) -> str:
    """Empty if the program gets an answer from its manager; else its last words. Of the system's folders only: a folder
    on the caller's PATH may hold a program of somebody else."""
    done = commands.run(argv, timeout=_ANSWER_WITHIN, env={**commands.our_environment(), "PATH": accounts.PATH})
    if done.code == 0:
        return ""
    last = next((line.strip() for line in reversed(done.output.splitlines()) if line.strip()), "")
    return last[:200] or done.error or f"no answer within {_ANSWER_WITHIN:g} s"
