"""Text that changes, on the whole terminal: as much as fits, scrolled with keys, drawn again after a resize."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence

from watchdog.cli.colour import painted
from watchdog.system.host import terminal

_LOOK = 0.25  # seconds between two looks at the terminal's size
_KEYS = {
    "\x1b[A": -1, "k": -1, "\x1b[B": 1, "j": 1, "\x1b[5~": -10, "\x1b[6~": 10, "\x1b[H": -(10**6), "\x1b[F": 10**6,
}  # fmt: skip
_LEAVE = "q"


def visible(lines: Sequence[str], top: int, height: int) -> tuple[list[str], int]:
    """The part that fits, with a last line that says what is above and below; and where that part begins."""
    if len(lines) <= height:
        return list(lines), 0
    room = max(1, height - 1)
    top = max(0, min(top, len(lines) - room))
    more = f"{top + 1} to {top + room} of {len(lines)} lines; arrow keys scroll, q leaves"
    return [*lines[top : top + room], more], top


class Viewport:
    """One of them, while `follow` runs."""

    def __init__(self, look: Callable[[], str], every: float) -> None:
        self._look, self._every = look, every
        self._top = 0

    def follow(self) -> None:
        """Until q or Ctrl-C. The terminal is as it was before afterwards, with the last look on it."""
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        console = Console(highlight=False)
        lines: list[str] = []
        with (
            terminal.single_keys(),
            contextlib.suppress(KeyboardInterrupt),
            Live(console=console, screen=True, auto_refresh=False) as screen,
        ):
            due, size = 0.0, console.size
            while True:
                if fresh := time.monotonic() >= due:
                    lines, due = self._look().splitlines(), time.monotonic() + self._every
                moved = self._moved()
                if moved is None:
                    break
                if fresh or moved or size != console.size:
                    size = console.size
                    shown, self._top = visible(lines, self._top + moved, console.size.height)
                    screen.update(Text("\n", no_wrap=True, overflow="ellipsis").join(painted(one) for one in shown))
                    screen.refresh()
        for line in lines:
            console.print(painted(line), soft_wrap=True)

    def _moved(self) -> int | None:
        """Lines to scroll, after a moment; None to leave."""
        typed = terminal.key_within(_LOOK)
        if typed is None:
            return 0
        return _KEYS.get(typed, 0) if typed and typed != _LEAVE else None
