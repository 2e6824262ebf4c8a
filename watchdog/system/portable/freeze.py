"""Nothing is stopped before it is killed, where no guard could end it if wd died in between."""

from __future__ import annotations

from watchdog.system.holds import Hold
from watchdog.system.signals import Sent


class Freezer:
    """The one of a system without a guard."""

    POSSIBLE = False

    def armed(self, seconds: float) -> bool:
        """Never: nothing must be stopped."""
        return False

    def stop(self, held: Hold) -> Sent | None:
        """Nobody is."""
        return None

    def close(self, *, done: bool = True) -> None:
        """Nothing is left to do."""
