"""The long part of a program has no parent that starts it again: Windows cannot fork."""

from __future__ import annotations

from watchdog.system.child.link import Link


def oversee(still: float = 0.0) -> Link | int:
    """The link of a child without a parent."""
    return Link()
