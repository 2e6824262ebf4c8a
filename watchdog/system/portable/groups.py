"""Where there are no control groups."""

from __future__ import annotations

from collections.abc import Callable


class MemoryGroup:
    """Never made: OSError says so."""

    has_killed = False

    def __init__(self, service: str, limit: int, lives: Callable[[int], bool]) -> None:
        raise OSError("this system has no control groups")

    def join(self) -> None: ...

    def leave(self) -> None: ...

    def remove(self) -> None: ...
