"""Which service of the home a server is: a port of a playbook names it, however the server was selected.

So one address is asked for its health by every command: the page of the playbook.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from watchdog.library import shelf
from watchdog.model.errors import BadConfig
from watchdog.model.process import Tree
from watchdog.steps.spec import Context

if TYPE_CHECKING:
    from watchdog.model.playbook import Playbook


def by_port(context: Context, ports: Iterable[int]) -> dict[int, Playbook]:
    """Playbooks of the home by their port, without those that have mistakes, and without a port that two of them name.

    A mistake in a file must not keep anybody from looking at a server that hangs: `wd validate` reports it.
    """
    found = [one for one in _readable(context, frozenset(ports)) if one.find.port]
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
    named = [one for port, one in by_port(context, ports).items() if port in ports]
    if len(named) == 1:
        context.playbook = named[0]
        context.say(f"the service {named[0].service} of this home")


def _readable(context: Context, ports: frozenset[int]) -> Iterable[Playbook]:
    """Only files in which one of the ports stands are read as playbooks: that takes libraries, and time."""
    if context.home is None:
        return
    numbers = [str(port).encode() for port in ports if port]
    for path in shelf.of_home("playbooks", context.home).values():
        try:
            if any(number in path.read_bytes() for number in numbers):
                from watchdog.config import playbooks  # here: see above

                yield playbooks.load(path, context.home)
        except (BadConfig, OSError):
            continue
