"""Asks one probe of a playbook: the promise that asking never raises.

Probes only read. A problem on our side is the verdict "unknown", which never counts against a server.
"""

from __future__ import annotations

from dataclasses import replace

from watchdog.model.playbook import Playbook, ProbeSpec
from watchdog.model.probing import Sample
from watchdog.model.process import Tree
from watchdog.probes import registry
from watchdog.probes.asked import Asked
from watchdog.system import clock


def probe(
    spec: ProbeSpec, playbook: Playbook, tree: Tree | None = None, at: float | None = None, bookmark: str = ""
) -> Sample:
    """Ask once, within about the probe's own timeout; never raises. `bookmark` is that of the previous answer."""
    asked = Asked(spec, playbook, tree, clock.now() if at is None else at, bookmark)
    begun = clock.monotonic()
    try:
        sample = registry.of(spec.kind).ask(asked)
    except Exception as error:  # noqa: BLE001 - a broken probe says nothing about the server
        sample = asked.unknown(f"the probe could not be asked: {type(error).__name__}: {error}"[:300])
    return replace(sample, seconds=clock.monotonic() - begun)
