"""Starts a service: it is put into its job before it runs its first instruction, so nothing it starts is missed."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from watchdog.system.signals import end_child
from watchdog.system.windows import accounts, children, jobs, kernel

_SUSPENDED = 0x00000004


def spawn(
    command: Sequence[str], *, cwd: str, env: Mapping[str, str], user: str | None, log: IO[bytes], job: int | None
) -> subprocess.Popen[bytes]:
    """OSError if Windows does not start it, LookupError for another user than our own.

    Where another job keeps it out of ours, it runs without.
    """
    flags = children.ALONE["creationflags"] | _SUSPENDED
    child = subprocess.Popen(
        list(command),
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        creationflags=flags,
        **accounts.to_run_as(user),
    )
    handle = int(child._handle)  # type: ignore[attr-defined]  # Popen has no other name for it
    try:
        if job:
            with contextlib.suppress(OSError):
                jobs.put(job, handle)
        kernel.resume(handle)
    except BaseException:
        end_child(child)
        raise
    return child
