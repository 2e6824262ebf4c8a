"""Servers for the benchmarks: small Python programs that listen, in a session of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

_SERVER = """
import socket, sys, threading, time
sock = socket.create_server(("127.0.0.1", int(sys.argv[1])))
log = open(sys.argv[4], "a") if sys.argv[4] else None
kept = bytearray(b"x") * (int(sys.argv[5]) << 20)
for _ in range(int(sys.argv[2])): threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
print("ready", flush=True)
while sys.argv[3] == "answers":
    client, _ = sock.accept()
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
    client.close()
time.sleep(3600)
"""


class Server:
    """One at a time, on one port. It accepts nothing, as a hung server does, or answers each request at once."""

    def __init__(self, threads: int = 0, log: str = "", answers: bool = False, resident: int = 0) -> None:
        """`resident`: MiB of memory that it fills."""
        self.port = _free_port()
        self._more = (str(threads), "answers" if answers else "hangs", log, str(resident))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when it listens."""
        words = [sys.executable, "-S", "-c", _SERVER, str(self.port), *self._more]
        self._process = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def port_is_free(self) -> bool:
        """Whether another server could listen there now."""
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", self.port))
            except OSError:
                return False
        return True

    def stop(self) -> None:
        """Also where somebody has ended it already."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()

    def ended_by_somebody(self) -> None:
        """RuntimeError where the contender that was to end it has not."""
        assert self._process is not None
        deadline = time.monotonic() + 10
        while self._process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        alive = self._process.poll() is None
        self.stop()
        if alive:
            raise RuntimeError("the server was not ended")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])
