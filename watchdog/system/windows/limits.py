"""Limits of a start: Windows has none that hold for a whole tree and need no more rights."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.model.playbook import Limits


def problems(limits: Limits) -> Iterator[str]:
    """What cannot be asked for here, one sentence each."""
    if limits != Limits():
        yield "start.limits: wd sets limits on Linux and macOS only; remove them"
