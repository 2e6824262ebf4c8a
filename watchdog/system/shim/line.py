"""Messages between wd and a separate process: one JSON object a line over a socket, with a deadline on every wait."""

from __future__ import annotations

import json
import socket
import time
from typing import Any


class Line:
    """One end. `receive` raises EOFError once the other side is gone."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._rest = sock, b""

    def fileno(self) -> int:
        return self._sock.fileno()

    def send(self, **message: Any) -> bool:
        """False if nobody is there any more."""
        try:
            self._sock.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            return False
        return True

    def receive(self, seconds: float) -> dict[str, Any] | None:
        """The next message; None if there was none in time."""
        if self._sock.fileno() < 0:  # closed by us
            raise EOFError
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            try:
                self._sock.settimeout(max(0.0, end - time.monotonic()))
                piece = self._sock.recv(65536)
            except (TimeoutError, BlockingIOError):
                return None
            except OSError:
                piece = b""
            finally:
                self._sock.settimeout(None)
            if not piece:
                raise EOFError
            self._rest += piece
        text, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(text)
        return found

    def close(self) -> None:
        self._sock.close()
