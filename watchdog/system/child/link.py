"""What a child that does the long work of a program tells its parent."""

from __future__ import annotations

import os

from watchdog.model.records import record
from watchdog.system.host import sd_notify


@record
class Link:
    """The child's side: what it tells its parent."""

    descriptor: int | None = None  # None: there is no parent, as this system cannot fork
    watchdog_period: float | None = None  # how often systemd wants to hear that all is well
    reason: str = ""  # why the child before was ended, or how it ended

    def beat(self) -> bool:
        """The child runs; False if the parent is gone."""
        return self._write("\n")

    def notify(self, state: str) -> None:
        """A message for systemd, which listens to the parent only."""
        if self.descriptor is None:
            sd_notify.tell(state)
        else:
            self._write(f"{state}\n")

    def _write(self, text: str) -> bool:
        if self.descriptor is None:
            return True
        try:
            os.write(self.descriptor, text.encode())
        except BlockingIOError:  # the parent is stopped, and the pipe is full
            return True
        except OSError:
            return False
        return True
