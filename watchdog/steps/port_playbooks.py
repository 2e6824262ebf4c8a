"""Which service of the home a server is: a port of a playbook names it, however the server was selected.

So one address is asked for its health by every command: the page of the playbook.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.library import shelf
from watchdog.model.errors import BadConfig
from watchdog.model.process import Tree
from watchdog.steps.spec import Context
from watchdog.system.disk import files

if TYPE_CHECKING:
    from watchdog.model.playbook import Playbook

_LONGEST = 256 * 1024  # bytes of a playbook


def by_port(context: Context, ports: Collection[int]) -> dict[int, Playbook]:
    """Playbooks of the home by these ports, without those that have mistakes, and without a port that two of them name.

    A mistake in a file must not keep anybody from looking at a server that hangs: `wd validate` reports it.
    """
    found = list(naming(context, ports))
    count = Counter(one.find.port for one in found)
    return {one.find.port: one for one in found if one.find.port and count[one.find.port] == 1}


def pages(context: Context, trees: Iterable[Tree]) -> dict[int, str]:
    """The health page of each port of these servers that a playbook knows."""
    ports = {port for tree in trees for port in tree.ports}
    return {port: one.url for port, one in by_port(context, ports).items() if one.url}


def adopt(context: Context, trees: Iterable[Tree] = ()) -> None:
    """Where no service was named, and the port belongs to one, that service is meant."""
    if context.playbook is not None or context.home is None:
        return
    ports = {port for tree in trees for port in tree.ports} | {context.selector.port or 0}
    named = list(by_port(context, ports).values())
    if len(named) == 1:
        context.playbook = named[0]
        context.say(f"the service {named[0].service} of this home")


def naming(context: Context, ports: Collection[int]) -> Iterable[Playbook]:
    """The playbooks of the home that name one of these ports and have no mistakes."""
    if context.home is None or not any(ports):
        return
    for path in shelf.of_home("playbooks", context.home).values():
        if not _may_name(path, ports):
            continue
        from watchdog.config import playbooks  # here: reading a configuration takes longer than all else

        with contextlib.suppress(BadConfig):
            found = playbooks.load(path, context.home, keep=not context.dry_run)
            if found.find.port in ports:
                yield found


def _may_name(path: Path, ports: Collection[int]) -> bool:
    """Whether the digits of one of the ports are in the file. Most files need not be understood for that answer."""
    text, size, problem = files.tail(path, _LONGEST)
    plain = text.replace("_", "").lower()
    return (
        bool(problem) or size > _LONGEST or any(str(one) in plain for one in (*filter(None, ports), "0x", "0o", "\\"))
    )
