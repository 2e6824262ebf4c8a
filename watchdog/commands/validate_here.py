"""`wd validate --here`: what a playbook needs of this machine, tried without harm. Nothing is started or changed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.checks.run import check
from watchdog.model.playbook import CheckSpec, Playbook, ProbeSpec
from watchdog.model.process import Tree
from watchdog.model.selector import Selector
from watchdog.probes.run import probe
from watchdog.starting import launch
from watchdog.system import here as system
from watchdog.system.child import commands, service_env
from watchdog.system.disk import access
from watchdog.system.host import accounts, messages
from watchdog.system.net import ports
from watchdog.targets import expected, resolve

if TYPE_CHECKING:
    from watchdog.steps.spec import Context

_WITHIN = 5.0  # seconds for one `test`


def mistakes(playbook: Playbook, context: Context) -> Iterator[str]:
    """One line a mistake: the key, what is wrong, what to do."""
    trees = _trees(playbook, context)
    yield from _start(playbook)
    yield from _port(playbook, trees)
    yield from _logs(playbook, running=bool(trees))
    own = next((tree for tree in trees if expected.is_run_by(tree, playbook) != "no"), None)
    yield from _programs(playbook, asked=own is not None)
    yield from _checks(playbook)
    yield from _probes(playbook, own) if own else ()
    yield from unreachable(playbook)


def tried(playbook: Playbook, context: Context) -> str:
    """What `mistakes` tries for this playbook, for a person: the start command, port 8000, 1 log, 2 checks, 1 probe."""
    start, runs = playbook.start, bool(_trees(playbook, context))
    parts = ["the manager that starts it"] if start.through else ["the start command"] if start.command else []
    parts += [f"port {playbook.find.port}"] if playbook.find.port is not None else []
    counts = {"log": playbook.logs, "check": playbook.checks, "probe": playbook.probes if runs else ()}
    parts += [f"{len(found)} {what}{'s' if len(found) > 1 else ''}" for what, found in counts.items() if found]
    parts += ["whom to notify"] if playbook.notify else []
    left_out = "" if runs or not playbook.probes else f"; {playbook.service} does not run, so its probes were not asked"
    return f"tried {', '.join(parts) or 'nothing'}{left_out}"


def _trees(playbook: Playbook, context: Context) -> tuple[Tree, ...]:
    started = replace(context, playbook=playbook).started
    return resolve.resolve(Selector(service=playbook.service), playbook, started)


def unreachable(playbook: Playbook) -> Iterator[str]:
    """Addresses of `notify` that no message can be sent to from here."""
    if not playbook.notify:
        return
    if not messages.can_send():
        yield f"notify: {messages.NOT_INSTALLED}"
        return
    for place, route in enumerate(playbook.notify):
        for shown in (messages.private(address) for address in route.to if not messages.is_known(address)):
            yield f"notify[{place}]: Apprise does not know the address {shown}. Correct it, then: `wd notify --test`"


def _start(playbook: Playbook) -> Iterator[str]:
    """The start command, its folder and its user. A service that others start has none of them."""
    start = playbook.start
    if not (start.command or start.through):
        return
    problems = list(launch.start_problems(start))
    yield from problems
    if problems or start.through:
        return
    cwd = start.cwd or accounts.home_of(start.user)
    who = accounts.user_name(accounts.user_id(start.user))
    if not access.may_enter(start.user, cwd):
        yield f"start.cwd: user {who} may not enter {cwd}. Change the rights of the folder, or start.user"
    program = start.command[0]
    if system.has_folder(program) and not access.may_run(start.user, str(Path(cwd) / program)):
        yield f"start.command: user {who} may not run {program}. Change its rights, or start.user"
    if start.log and not accounts.is_admin() and not access.may_write(start.user, str(Path(start.log).parent)):
        yield f"start.log: user {who} may not write to {Path(start.log).parent}. Change its rights, or start.log"


def _port(playbook: Playbook, trees: tuple[Tree, ...]) -> Iterator[str]:
    port = playbook.find.port
    if port is None:
        return
    for tree in trees:
        who = f"pid {tree.root.pid} ({tree.root.shown()})"
        if port in tree.ports and expected.is_run_by(tree, playbook) == "no":
            yield (
                f"find.port: port {port} is held by another program, {who}. "
                f"Correct find.port or find.cmdline; `wd find :{port}` shows it"
            )
        elif tree.ports and port not in tree.ports:
            listed = ", ".join(map(str, tree.ports))
            yield f"find.port: the service runs as {who} and listens on port {listed}, not on {port}. Correct find.port"
    if not trees and (problem := ports.why_not_bound(port)):
        yield f"find.port: {problem}. Run `wd validate --here` as root to see which program it is"


def _logs(playbook: Playbook, *, running: bool) -> Iterator[str]:
    """A log that is missing is a mistake only while its service runs, or where its folder is missing too."""
    for path in map(Path, playbook.logs):
        if not path.exists():
            if running or not path.parent.is_dir():
                yield f"logs: {path} does not exist. Correct the path; `wd why {playbook.service}` shows open files"
        elif not os.access(path, os.R_OK):
            yield f"logs: {path} cannot be read. Run wd as a user who may read it, or change its rights"


def _programs(playbook: Playbook, *, asked: bool) -> Iterator[str]:
    """The programs of checks, and of probes that are not `asked` anyway: can they be run at all?"""
    try:
        path = service_env.environment(playbook.start)["PATH"]
        owner = accounts.user_id(playbook.start.user)
    except (OSError, LookupError, ValueError):
        return  # the start has said so
    own_path = commands.our_environment().get("PATH", path)
    wanted: list[tuple[str, CheckSpec | ProbeSpec, str]] = [("checks", one, path) for one in playbook.checks]
    wanted += [("probes", one, own_path) for one in playbook.probes if not asked]
    for section, spec, where in wanted:
        if spec.kind != "command":
            continue
        if problem := launch.why_not_run(spec.subject, spec.setting("cwd") or "/", where, owner):
            yield f"{section}.{spec.name}: {problem}"


def _checks(playbook: Playbook) -> Iterator[str]:
    """Those that only read are asked. What they find is the service's matter; what they cannot ask is a mistake."""
    for spec in playbook.checks:
        if spec.kind != "command" and (result := check(spec, playbook)).state == "unknown":
            yield f"checks.{spec.name}: {result.message}. `wd check {playbook.service}` runs it again"


def _probes(playbook: Playbook, tree: Tree) -> Iterator[str]:
    """Each is asked once; the service runs, so a bad answer means a wrong question or a sick server."""
    for spec in playbook.probes:
        sample = probe(spec, playbook, tree)
        if sample.verdict in ("failed", "unknown"):
            yield f"probes.{spec.name}: {sample.message}. `wd why {playbook.service}` tells whether the server is sick"
