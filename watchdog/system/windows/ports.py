"""TCP sockets of Windows. Only the listening ones are asked for where only they count: a server has many others."""

from __future__ import annotations

import ctypes
import socket
import struct
import zlib
from collections.abc import Collection, Iterable, Iterator
from ctypes import wintypes

from watchdog.model.process import Listener
from watchdog.system.portable.ports import accept_queue, connected, lingering, listeners_elsewhere

__all__ = [
    "SERVERS_REUSE",
    "accept_queue",
    "connected",
    "holders",
    "lingering",
    "listeners",
    "listeners_elsewhere",
    "listening",
]

SERVERS_REUSE = False  # here it would let two servers have one port
_LISTENERS = 3  # TCP_TABLE_OWNER_PID_LISTENER
_TOO_SMALL = 122
_TRIES = 5  # the table may grow between the question for its size and the one for its rows
_ROW, _ROW6 = struct.Struct("=6I"), struct.Struct("=16s2I16s4I")

_table = ctypes.WinDLL("iphlpapi").GetExtendedTcpTable
_table.restype = wintypes.DWORD
_table.argtypes = (
    ctypes.c_void_p, ctypes.POINTER(wintypes.DWORD), wintypes.BOOL, wintypes.ULONG, ctypes.c_int, wintypes.ULONG
)  # fmt: skip


def listeners(port: int | None = None) -> tuple[Listener, ...]:
    """Every listening socket, or those of one port, with the one holder that Windows names."""
    found = [*_rows(socket.AF_INET), *_rows(socket.AF_INET6)]
    return tuple(
        Listener(number, address, _number(address, number, pid), (pid,) if pid else (), 0, None)
        for address, number, pid in found
        if port in (None, number)
    )


def listening() -> tuple[Listener, ...]:
    """The same: the holder is told with the socket."""
    return listeners()


def holders(inodes: Collection[int], pids: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Which of these processes have which of these sockets open."""
    asked = frozenset(pids)
    return {one.inode: one.holders for one in listeners() if one.inode in inodes and asked & set(one.holders)}


def _rows(family: int) -> Iterator[tuple[str, int, int]]:
    """(address, port, pid)"""
    data = _read(family)
    row = _ROW if family == socket.AF_INET else _ROW6
    count = struct.unpack_from("=I", data)[0] if data else 0
    for at in range(count):
        fields = row.unpack_from(data, 4 + at * row.size)
        if family == socket.AF_INET:
            _, address, number, _, _, pid = fields
            raw = struct.pack("=I", address)
        else:
            raw, _, number, _, _, _, _, pid = fields
        yield socket.inet_ntop(family, raw), socket.ntohs(number & 0xFFFF), pid


def _read(family: int) -> bytes:
    size = wintypes.DWORD(0)
    buffer = None
    for _ in range(_TRIES):
        error = _table(buffer, ctypes.byref(size), False, family, _LISTENERS, 0)
        if error == 0 and buffer is not None:
            return buffer.raw
        if error not in (0, _TOO_SMALL):
            return b""
        buffer = ctypes.create_string_buffer(max(size.value, 4))
    return b""


def _number(address: str, port: int, pid: int) -> int:
    """What tells a socket from others: Windows has no number for it."""
    return zlib.crc32(f"{address} {port} {pid}".encode()) | 1
