"""Debian's cron in a room of its own: its crontabs lie on a file system that only this test sees.

A mount namespace and nothing else: the processes are those of the machine, so what cron's job does to a server is real,
and a server that it starts is not a child of the room and need not end with it.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from rooms import room_of_its_own

# /run too: cron's pid file lies there, and another cron may hold it.
FURNISH = """
mount --make-rprivate / && mount -t tmpfs -o mode=755 tmpfs /run && mount -t tmpfs -o mode=755 tmpfs /etc/cron.d &&
mount -t tmpfs -o mode=755 tmpfs /var/spool/cron && mkdir -m 1730 /var/spool/cron/crontabs &&
chgrp crontab /var/spool/cron/crontabs && : >/run/crontab && mount --bind /run/crontab /etc/crontab &&
echo ready && exec cat
"""


def why_not() -> str:
    """What is missing for a cron in a room of its own; empty if nothing is."""
    for name in ("cron", "crontab", "unshare", "nsenter"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"a mount namespace cannot be had here: {tried.stderr.strip()}" if tried.returncode else ""


class Room:
    def __init__(self, holder: subprocess.Popen[str]) -> None:
        self._enter = ("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "--wd=/")

    def run(
        self, *argv: str, stdin: str = "", env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        words = [*self._enter, *argv]
        return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=100, env=env, check=False)

    def crontab(self) -> str:
        return self.run("crontab", "-l").stdout

    @contextlib.contextmanager
    def cron(self, log: Path) -> Iterator[subprocess.Popen[bytes]]:
        """The daemon in the foreground; ended with the block, and nothing that its jobs left."""
        with log.open("wb") as out:
            daemon = subprocess.Popen(
                [*self._enter, "cron", "-f"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        try:
            yield daemon
        finally:
            daemon.kill()
            daemon.wait(30)


@contextlib.contextmanager
def room(furnish: str = FURNISH) -> Iterator[Room]:
    """Skips the test, with the reason, where there can be none."""
    if missing := why_not():
        pytest.skip(missing)
    with room_of_its_own(furnish) as holder:
        yield Room(holder)
