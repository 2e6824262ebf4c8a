"""The TCP sockets of Windows with their owners, in one call for each family."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterator
from ctypes import wintypes
from typing import NamedTuple

from watchdog.model.errors import CannotTell

_LISTENERS, _ALL = 3, 5  # TCP_TABLE_OWNER_PID_LISTENER, TCP_TABLE_OWNER_PID_ALL
_TOO_SMALL = 122
_NO_SUCH_FAMILY = 50  # ERROR_NOT_SUPPORTED: IPv6 is not installed
_TRIES = 8  # the table may grow between the question for its size and the one for its rows
_ROOM = 1 << 18  # bytes: ten thousand sockets, and more where that is not enough
_ROW, _ROW6 = struct.Struct("=6I"), struct.Struct("=16s2I16s4I")
_STATES = (
    "", "CLOSED", "LISTEN", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT1", "FIN_WAIT2", "CLOSE_WAIT", "CLOSING",
    "LAST_ACK", "TIME_WAIT", "DELETE_TCB",
)  # fmt: skip

_table = ctypes.WinDLL("iphlpapi").GetExtendedTcpTable
_table.restype = wintypes.DWORD
_table.argtypes = (
    ctypes.c_void_p, ctypes.POINTER(wintypes.DWORD), wintypes.BOOL, wintypes.ULONG, ctypes.c_int, wintypes.ULONG
)  # fmt: skip


class End(NamedTuple):
    """One end of a connection."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if ":" in self.address else f"{self.address}:{self.port}"


class Socket(NamedTuple):
    """One TCP socket."""

    state: str
    local: End
    remote: End
    pid: int  # 0: Windows names nobody


def rows(*, listening: bool = False) -> Iterator[Socket]:
    """All of both families, or only those that listen. CannotTell when Windows refuses: no row would mean no socket."""
    for family, row in ((socket.AF_INET, _ROW), (socket.AF_INET6, _ROW6)):
        data = _read(family, _LISTENERS if listening else _ALL)
        count = struct.unpack_from("=I", data)[0] if data else 0
        for at in range(4, 4 + count * row.size, row.size):
            yield _socket(family, row.unpack_from(data, at))


def _socket(family: int, fields: tuple[bytes | int, ...]) -> Socket:
    if family == socket.AF_INET:
        state, near, near_port, far, far_port, pid = (int(one) for one in fields)
        ends = (struct.pack("=I", near), near_port), (struct.pack("=I", far), far_port)
    else:
        six, _, near_port, six_far, _, far_port, state, pid = fields  # type: ignore[assignment]
        ends = (bytes(six), near_port), (bytes(six_far), far_port)
    local, remote = (End(socket.inet_ntop(family, raw), socket.ntohs(port & 0xFFFF)) for raw, port in ends)
    return Socket(_STATES[state] if state < len(_STATES) else "", local, remote, pid)


def _read(family: int, kind: int) -> bytes:
    size = wintypes.DWORD(_ROOM)  # no question for the size first: it takes as long as the table itself
    error = _TOO_SMALL
    for _ in range(_TRIES):
        buffer = ctypes.create_string_buffer(size.value)
        error = _table(buffer, ctypes.byref(size), False, family, kind, 0)
        if error == 0:
            return buffer.raw
        if family == socket.AF_INET6 and error == _NO_SUCH_FAMILY:
            return b""
        if error != _TOO_SMALL:
            break
        size = wintypes.DWORD(size.value + _ROOM)
    raise CannotTell(
        "The TCP sockets of this machine cannot be read.", f"GetExtendedTcpTable: error {error}", "Run wd again."
    )
