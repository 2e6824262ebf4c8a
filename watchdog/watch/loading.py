"""Reads the playbooks in a child, so that the loop, which runs for months, does not carry what reading them takes.

The libraries that read and check a playbook are a seventh of the loop's memory, and needed only at its start and when
it reads them again.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.model.errors import BadConfig
from watchdog.model.playbook import Playbook
from watchdog.system import clock
from watchdog.system.host import accounts

if TYPE_CHECKING:
    from watchdog.system.child.commands import Done

_WITHIN = 300.0  # seconds: thousands of playbooks on a busy machine
_PAUSES = (0.1, 1.0, 3.0)  # seconds after a child that was killed

Load = Callable[[], tuple[Playbook, ...]]
Fingerprint = frozenset[tuple[str, int, int, int]]


def fingerprint(home: Path | None) -> Fingerprint:
    """Tells whether a playbook or a runbook of the home has changed: name, inode, size and time of every file."""
    found = set()
    for folder in ("playbooks", "runbooks"):
        with contextlib.suppress(OSError), os.scandir((home or Path()) / folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    about = entry.stat()
                    found.add((f"{folder}/{entry.name}", about.st_ino, about.st_size, about.st_mtime_ns))
    return frozenset(found)


def load_apart(home: Path, service: str | None) -> tuple[Playbook, ...]:
    """All playbooks of a home, or the one of a service, with the runbooks of their triggers looked at too.

    A child that is killed (by the kernel for its memory, by a person for its name) is started again; where no child
    comes to an end, this process reads them itself. BadConfig with every mistake; WdError if they cannot be read.
    """
    for pause in _PAUSES:
        done = _child(home, service)
        if done.ok:
            *_, last = done.output.splitlines()
            found: tuple[Playbook, ...] | BadConfig = pickle.loads(base64.b64decode(last, validate=True))
            if isinstance(found, BadConfig):
                raise found
            return found
        if done.timed_out:
            break
        clock.sleep(pause)
    return load(home, service)


def _child(home: Path, service: str | None) -> Done:
    from watchdog.system.child import commands, interpreter  # not for the child

    return commands.run(
        interpreter.command("watchdog.watch.loading:serve", light=False),
        timeout=_WITHIN,
        cwd="/",
        env=accounts.base_environment(None),
        limit=1 << 28,
        stdin=pickle.dumps((home, service)),
    )


def load(home: Path, service: str | None) -> tuple[Playbook, ...]:
    """The same in this process."""
    from watchdog.config import playbooks

    found = (playbooks.service(home, service),) if service else playbooks.load_all(home)
    if not found:
        todo = "`wd init --from :PORT` writes one from a running server."
        raise BadConfig(f"{home / 'playbooks'} holds no playbook", todo=todo)
    _check_runbooks(found, home)
    return found


def serve() -> None:
    """The child's side: the answer, or the mistakes, on one line."""
    home, service = pickle.loads(sys.stdin.buffer.read())
    answer: tuple[Playbook, ...] | BadConfig
    try:
        answer = load(home, service)
    except BadConfig as error:
        answer = error
    sys.stdout.buffer.write(base64.b64encode(pickle.dumps(answer)) + b"\n")
    sys.stdout.buffer.flush()


def _check_runbooks(playbooks: tuple[Playbook, ...], home: Path) -> None:
    """BadConfig with every mistake of a runbook that a trigger names: at night it would be too late."""
    from watchdog.runbook import document

    mistakes: list[str] = []
    for name in sorted({name for one in playbooks for trigger in one.triggers for name in trigger.run}):
        try:
            document.find(name, home)
        except BadConfig as error:
            mistakes += error.mistakes or error.lines()
    if mistakes:
        raise BadConfig("runbooks that triggers name cannot be used", mistakes=tuple(mistakes))
