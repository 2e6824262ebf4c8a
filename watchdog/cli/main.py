"""The entry of `wd`. It imports almost nothing, so that Ctrl-C in the first moments already gets a clean answer."""

from __future__ import annotations

import gc
import os
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import NoReturn

_INTERRUPTED = 130
_GARBAGE = 5000  # new objects between two looks for garbage: 700 would look for it all through the imports


def call(words: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every error was already printed."""
    from watchdog.cli.application import answer

    return answer(sys.argv[1:] if words is None else words)


def main(words: Sequence[str] | None = None) -> NoReturn:
    """Run and leave. A flush into a closed pipe at the very end must not turn into a traceback, nor into code 120."""
    gc.set_threshold(_GARBAGE)
    interrupts = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in background jobs: it stays so
        interrupts.remove(signal.SIGINT)
    for number in interrupts:
        signal.signal(number, _leave)
    if sys.stdout is None or sys.stderr is None:  # `>&-`
        nowhere = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - lives as long as we do
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    import watchdog.cli.application  # noqa: F401 - most of the time before a command begins

    try:
        for number in interrupts:
            signal.signal(number, signal.default_int_handler)
        code = call(words)
    except KeyboardInterrupt:  # a second one, while the first was answered
        code = _INTERRUPTED
    for descriptor, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
    sys.exit(int(code))


def _leave(number: int, frame: FrameType | None) -> None:
    """Before the command begins, nothing has to be cleaned up."""
    try:  # noqa: SIM105 - contextlib would be one more import
        os.write(2, b"wd: interrupted\n")
    except OSError:
        pass
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
