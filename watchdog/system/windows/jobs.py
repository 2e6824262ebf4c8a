"""Jobs: what the shim starts is put into one, and whatever that starts is born into it, orphans too.

A job bears the name of its shim, pid and creation time, so that any wd finds it. Who is in it is what Windows counts,
not what parents tell. Nothing ends with it unless somebody ends the job, and who asks Windows to leave it may do so.
"""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from typing import Any

from watchdog.system.windows import kernel

_ALL = 0x1F001F
_QUERY, _TERMINATE = 0x0004, 0x0008
_PIDS = 3  # JobObjectBasicProcessIdList
_LIMITS, _MAY_LEAVE = 9, 0x800  # JobObjectExtendedLimitInformation, JOB_OBJECT_LIMIT_BREAKAWAY_OK
_LIMITS_SIZE, _FLAGS_AT = 144, 16  # bytes
_MORE_DATA = 234
_FIRST, _TRIES = 64, 6  # pids asked for at first

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)


def _typed(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_kernel, name)
    function.restype, function.argtypes = result, arguments
    return function


_create = _typed("CreateJobObjectW", wintypes.HANDLE, ctypes.c_void_p, wintypes.LPCWSTR)
_open = _typed("OpenJobObjectW", wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, wintypes.LPCWSTR)
_assign = _typed("AssignProcessToJobObject", wintypes.BOOL, wintypes.HANDLE, wintypes.HANDLE)
_end = _typed("TerminateJobObject", wintypes.BOOL, wintypes.HANDLE, wintypes.UINT)
_limit = _typed(
    "SetInformationJobObject", wintypes.BOOL, wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD
)
_query = _typed(
    "QueryInformationJobObject",
    wintypes.BOOL,
    wintypes.HANDLE,
    ctypes.c_int,
    ctypes.c_void_p,
    wintypes.DWORD,
    ctypes.c_void_p,
)


def name(pid: int, created: int) -> str:
    """Of the job of the shim with this pid and creation time."""
    return f"Global\\wd-{pid}-{created:x}"


def create(called: str) -> int:
    """A handle of a new job, or of the one that has this name already. OSError if there can be none."""
    handle = _create(None, called)
    if not handle:
        raise ctypes.WinError(ctypes.get_last_error())
    limits = bytearray(_LIMITS_SIZE)
    limits[_FLAGS_AT : _FLAGS_AT + 4] = _MAY_LEAVE.to_bytes(4, "little")
    _limit(handle, _LIMITS, (ctypes.c_char * _LIMITS_SIZE).from_buffer(limits), _LIMITS_SIZE)
    return int(handle)


def put(job: int, process: int) -> None:
    """Into the job, by handles. OSError if another job keeps the process from it."""
    if not _assign(job, process):
        raise ctypes.WinError(ctypes.get_last_error())


def members(job: int) -> frozenset[int]:
    """The pids of all living processes in it, by its handle. OSError if it cannot be asked."""
    room = _FIRST
    for _ in range(_TRIES):
        listed = (ctypes.c_size_t * (room + 1))()  # two numbers of 32 bits, then the pids
        if _query(job, _PIDS, listed, ctypes.sizeof(listed), None):
            count = listed[0] >> 32
            return frozenset(int(pid) for pid in listed[1 : count + 1])
        if ctypes.get_last_error() != _MORE_DATA:
            break
        room *= 4
    raise ctypes.WinError(ctypes.get_last_error())


def members_of(called: str) -> frozenset[int] | None:
    """The same by name; None where there is no such job."""
    handle = _open(_QUERY, False, called)
    if not handle:
        return None
    try:
        return members(int(handle))
    except OSError:
        return None
    finally:
        kernel.close(int(handle))


def end(called: str, code: int) -> None:
    """End all that is in it, at once. OSError if that may not be done."""
    handle = _open(_TERMINATE, False, called)
    if not handle:
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        if not _end(int(handle), code):
            raise ctypes.WinError(ctypes.get_last_error())
    finally:
        kernel.close(int(handle))
