"""What kind of stream a suspended coroutine of asyncio reads: a socket, or a pipe, as of a child."""

from __future__ import annotations

from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.system.process.memory import Unmapped

_FILE = "asyncio/streams.py"
_PIPES = ("UnixReadPipeTransport", "ProactorReadPipeTransport")  # of asyncio and of uvloop


def reads_pipe(frames: Frames, chain: tuple[LiveFrame, ...]) -> bool:
    """Whether the innermost call waits for the next bytes of a pipe."""
    last = chain[-1] if chain else None
    if last is None or not last.code.file.endswith(_FILE):
        return False
    try:
        stream = frames.variable(last, "self")
        transport = frames.objects.attribute(stream, "_transport") if stream else None
        return bool(transport) and frames.objects.kind(transport or 0).rpartition(".")[2].lstrip("_") in _PIPES
    except Unmapped:
        return False
