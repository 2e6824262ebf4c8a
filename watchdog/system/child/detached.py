"""A program of ours that goes on when its caller, and the link that brought the caller, are gone."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

from watchdog.system.child.commands import our_environment

if sys.platform == "win32":
    from watchdog.system.windows import children
else:
    from watchdog.system.posix import children


def begin(argv: Sequence[str]) -> None:
    """Start it in a session of its own, without any stream of ours. OSError if the system refuses."""
    subprocess.Popen(
        list(argv),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={**children.NEEDED, **our_environment()},
        **children.ALONE,
    )
