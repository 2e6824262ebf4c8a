"""`wd sidecar` does not run on Windows yet: there, pipes cannot be waited for as it needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import NoReturn

from watchdog.model.errors import Refused
from watchdog.model.process import Identity

STDERR = 2


def adopt_orphans() -> NoReturn:
    """The first thing that is asked for."""
    raise Refused(
        "`wd sidecar` does not run on Windows",
        "it cannot wait for pipes there, nor be certain that the whole tree of a child ends",
        "Remove `wd sidecar --` from the host's configuration, so that the host starts the command itself.",
    )


def new_loop() -> asyncio.AbstractEventLoop:
    adopt_orphans()


def parent_watch() -> int | None:
    return None


def write_pieces(descriptor: int, pieces: list[bytes | memoryview]) -> int:
    adopt_orphans()


class HostStreams:
    """None."""

    reading = writing = -1

    def write(self, pieces: list[bytes | memoryview]) -> int:
        return write_pieces(self.writing, pieces)

    def close_writing(self) -> None: ...

    def close(self) -> None: ...


class KeptChild:
    """None."""

    stdin = stdout = stderr = events = -1
    identity: Identity | None = None
    code: int | None = None
    problem = ""
    gone = ended = True
    reads_no_more = True

    def __init__(self, command: Sequence[str], cwd: str | None, env: Mapping[str, str]) -> None:
        adopt_orphans()

    def look(self) -> None: ...

    def end(self, grace: float) -> None: ...

    def close_stdin(self) -> None: ...

    def close_output(self) -> None: ...

    def release(self) -> list[int]:
        return []
