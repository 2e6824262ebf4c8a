"""Everybody is read at each look: nothing says here that a pid still belongs to the same process."""

from __future__ import annotations

from watchdog.system.windows.processes import rows as again
from watchdog.system.windows.processes import rows as whole

__all__ = ["again", "whole"]
