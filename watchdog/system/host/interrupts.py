"""What somebody outside asks of this program by a signal: to end, to read its files again."""

from __future__ import annotations

import signal
from collections.abc import Callable

from watchdog.system import signals


def on_end(act: Callable[[], None]) -> None:
    """Only in the main thread."""
    for number in signals.ENDING:
        signal.signal(number, lambda number, frame: act())


def on_reload(act: Callable[[], None]) -> None:
    """SIGHUP, where the system has it."""
    if signals.HUP is not None:
        signal.signal(signals.HUP, lambda number, frame: act())


def outlive_the_terminal() -> None:
    """From here on a terminal that is closed does not end this program."""
    if signals.HUP is not None:
        signal.signal(signals.HUP, signal.SIG_IGN)
