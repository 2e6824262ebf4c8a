"""Asks one probe of a playbook: the registry of all kinds, and the promise that asking never raises.

Probes only read. What goes wrong on our side is the verdict "unknown", which never counts against a server.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.probing import Sample
from watchdog.model.process import Tree
from watchdog.probes.asked import Asked
from watchdog.system import clock


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of probe: where it lives, and what the loop must know of it."""

    module: str
    needs_tree: bool = False  # asks the processes, so they must be looked for first
    weak: str = ""  # what it cannot see, told wherever the probe is shown
    answers: bool = False  # a good answer proves that the server itself still works


KINDS: dict[str, Kind] = {
    "http": Kind("watchdog.probes.http", answers=True),
    "tcp": Kind("watchdog.probes.tcp", weak="cannot see hangs: the kernel accepts for a hung server"),
    "process": Kind("watchdog.probes.process", needs_tree=True, weak="cannot see hangs"),
    "memory": Kind("watchdog.probes.memory", needs_tree=True),
    "system-memory": Kind("watchdog.probes.system_memory", needs_tree=True),
    "cpu": Kind("watchdog.probes.cpu", needs_tree=True),
    "fds": Kind("watchdog.probes.fds", needs_tree=True),
    "threads": Kind("watchdog.probes.threads", needs_tree=True),
    "disk": Kind("watchdog.probes.disk"),
    "queue": Kind("watchdog.probes.queue"),
    "log": Kind("watchdog.probes.log"),
    "certificate": Kind("watchdog.probes.certificate"),
    "command": Kind("watchdog.probes.command"),
    "stdio": Kind("watchdog.probes.stdio", needs_tree=True),
}


def probe(
    spec: ProbeSpec, playbook: Playbook, tree: Tree | None = None, at: float | None = None, bookmark: str = ""
) -> Sample:
    """Ask once, within about the probe's own timeout; never raises. `bookmark` is that of the answer before."""
    asked = Asked(spec, playbook, tree, clock.now() if at is None else at, bookmark)
    begun = clock.monotonic()
    try:
        sample = function(spec.kind)(asked)
    except Exception as error:  # noqa: BLE001 - a broken probe says nothing about the server
        sample = asked.unknown(f"the probe could not be asked: {type(error).__name__}: {error}"[:300])
    return replace(sample, seconds=clock.monotonic() - begun)


def function(kind: str) -> Callable[[Asked], Sample]:
    """KeyError for a kind that does not exist; a kind's module is imported when it is first asked."""
    found: Callable[[Asked], Sample] = importlib.import_module(KINDS[kind].module).probe
    return found


def needs_tree(kind: str) -> bool:
    return kind in KINDS and KINDS[kind].needs_tree
