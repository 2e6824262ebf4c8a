"""A PostgreSQL of the tests' own, on a free port, which a test may stop and start again."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import support

needs_postgres = pytest.mark.skipif(
    shutil.which("initdb") is None or shutil.which("postgres") is None, reason="PostgreSQL is not installed"
)


class Postgres:
    """One cluster in a folder; as root it runs as the account `postgres`."""

    def __init__(self, folder: Path) -> None:
        self.port, self.log, self._folder, self._data = _lasting_port(), folder / "log", folder, folder / "data"
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        words = ["initdb", "-D", str(self._data), "-A", "trust", "-U", "postgres", "--no-sync"]
        subprocess.run(words, check=True, capture_output=True, user=self._user, cwd="/", timeout=120)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["postgres", "-D", str(self._data), "-p", str(self.port), "-k", str(self._folder)]
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                [*words, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True, user=self._user, cwd="/",
            )  # fmt: skip
        words = ["pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        support.wait_for(lambda: not subprocess.run(words, check=False).returncode, "postgres takes connections", 60)

    def stop(self) -> None:
        """At once, without a checkpoint. SIGKILL would leave its children, and they the shared memory."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(60)
            self._process = None

    def database(self, name: str) -> str:
        """A new one; gives its address."""
        words = ["createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", name]
        subprocess.run(words, capture_output=True, check=True, timeout=60)
        return f"postgresql://postgres@127.0.0.1:{self.port}/{name}"


def _lasting_port() -> int:
    """One that no outgoing connection is given while the server is stopped."""
    while True:
        port = random.randint(15_000, 30_000)  # below what the kernel hands out
        with contextlib.suppress(OSError), socket.socket() as sock:
            sock.bind(("127.0.0.1", port))
            return port


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[Postgres]:
    """Ended with the block. Above the folder, everybody may pass."""
    if os.getuid() == 0:
        for part in (folder, *list(folder.parents)[:3]):  # the last one is there when tests run side by side
            if not part.stat().st_mode & 0o001:
                part.chmod(part.stat().st_mode | 0o055)
    made = Postgres(folder)
    try:
        made.start()
        yield made
    finally:
        made.stop()
