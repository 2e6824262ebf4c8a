"""The calls of Windows that Python has no name for, each with the types of its arguments."""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from typing import Any

TERMINATE, SUSPEND_RESUME, QUERY_LIMITED, SYNCHRONIZE = 0x0001, 0x0800, 0x1000, 0x00100000
INVALID_PARAMETER, ACCESS_DENIED = 87, 5

_WAIT_OBJECT = 0
MOST_WAITED_FOR = 64  # handles of one wait

_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_native = ctypes.WinDLL("ntdll")
_security = ctypes.WinDLL("advapi32", use_last_error=True)


def _typed(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


_open_process = _typed(_kernel, "OpenProcess", wintypes.HANDLE, wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
_close = _typed(_kernel, "CloseHandle", wintypes.BOOL, wintypes.HANDLE)
_terminate = _typed(_kernel, "TerminateProcess", wintypes.BOOL, wintypes.HANDLE, wintypes.UINT)
_wait_one = _typed(_kernel, "WaitForSingleObject", wintypes.DWORD, wintypes.HANDLE, wintypes.DWORD)
_wait_many = _typed(
    _kernel,
    "WaitForMultipleObjects",
    wintypes.DWORD,
    wintypes.DWORD,
    ctypes.POINTER(wintypes.HANDLE),
    wintypes.BOOL,
    wintypes.DWORD,
)
_times = _typed(_kernel, "GetProcessTimes", wintypes.BOOL, wintypes.HANDLE, *[ctypes.POINTER(wintypes.FILETIME)] * 4)
_suspend = _typed(_native, "NtSuspendProcess", wintypes.LONG, wintypes.HANDLE)
_resume = _typed(_native, "NtResumeProcess", wintypes.LONG, wintypes.HANDLE)
_current = _typed(_kernel, "GetCurrentProcess", wintypes.HANDLE)
_open_token = _typed(
    _security, "OpenProcessToken", wintypes.BOOL, wintypes.HANDLE, wintypes.DWORD, ctypes.POINTER(wintypes.HANDLE)
)
_token_facts = _typed(
    _security,
    "GetTokenInformation",
    wintypes.BOOL,
    wintypes.HANDLE,
    ctypes.c_int,
    ctypes.c_void_p,
    wintypes.DWORD,
    ctypes.POINTER(wintypes.DWORD),
)
_sid_text = _typed(_security, "ConvertSidToStringSidW", wintypes.BOOL, ctypes.c_void_p, ctypes.POINTER(wintypes.LPWSTR))
_sid_of = _typed(_security, "ConvertStringSidToSidW", wintypes.BOOL, wintypes.LPCWSTR, ctypes.POINTER(ctypes.c_void_p))
_account = _typed(
    _security,
    "LookupAccountSidW",
    wintypes.BOOL,
    wintypes.LPCWSTR,
    ctypes.c_void_p,
    wintypes.LPWSTR,
    ctypes.POINTER(wintypes.DWORD),
    wintypes.LPWSTR,
    ctypes.POINTER(wintypes.DWORD),
    ctypes.POINTER(wintypes.DWORD),
)
_free = _typed(_kernel, "LocalFree", wintypes.HLOCAL, wintypes.HLOCAL)

_TOKEN_QUERY, _TOKEN_USER = 0x0008, 1
_NAME = 257  # characters of a name, at most


def open_process(pid: int, rights: int) -> int:
    """A handle. OSError, with `winerror` 87 where there is no such process."""
    handle = _open_process(rights, False, pid)
    if not handle:
        raise ctypes.WinError(ctypes.get_last_error())
    return int(handle)


def close(handle: int) -> None:
    _close(handle)


def creation_time(handle: int) -> int:
    """When a process began, in tenths of a microsecond since 1601: with its pid, what tells it from all others."""
    created, ended, kernel, user = (wintypes.FILETIME() for _ in range(4))
    if not _times(handle, ctypes.byref(created), ctypes.byref(ended), ctypes.byref(kernel), ctypes.byref(user)):
        raise ctypes.WinError(ctypes.get_last_error())
    return int(created.dwHighDateTime) << 32 | int(created.dwLowDateTime)


def has_ended(handle: int) -> bool:
    return bool(_wait_one(handle, 0) == _WAIT_OBJECT)


def wait_any(handles: list[int], milliseconds: int) -> None:
    """Return when one of at most 64 processes has ended, or when the time is over."""
    several = (wintypes.HANDLE * len(handles))(*handles)
    _wait_many(len(handles), several, False, milliseconds)


def terminate(handle: int, code: int) -> None:
    """End a process at once. OSError if it may not be ended, or has ended."""
    if not _terminate(handle, code):
        raise ctypes.WinError(ctypes.get_last_error())


def suspend(handle: int) -> None:
    if _suspend(handle) < 0:
        raise OSError("the process could not be stopped")


def resume(handle: int) -> None:
    if _resume(handle) < 0:
        raise OSError("the process could not go on")


def user_sid(handle: int | None = None) -> str:
    """The security identifier of the user of a process, of our own without one. OSError if it may not be asked."""
    token = wintypes.HANDLE()
    if not _open_token(_current() if handle is None else handle, _TOKEN_QUERY, ctypes.byref(token)):
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        size = wintypes.DWORD(256)
        facts = ctypes.create_string_buffer(size.value)
        if not _token_facts(token, _TOKEN_USER, facts, size, ctypes.byref(size)):
            raise ctypes.WinError(ctypes.get_last_error())
        return sid_text(ctypes.c_void_p.from_buffer(facts).value or 0)
    finally:
        _close(token)


def sid_text(address: int) -> str:
    """A security identifier that lies in memory, as text: `S-1-5-18`."""
    text = wintypes.LPWSTR()
    if not _sid_text(address, ctypes.byref(text)):
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        return str(text.value)
    finally:
        _free(ctypes.cast(text, wintypes.HLOCAL))


def account_name(sid: str) -> str:
    """The name of the account with this identifier; the identifier itself where Windows does not know it."""
    found = ctypes.c_void_p()
    if not _sid_of(sid, ctypes.byref(found)):
        return sid
    try:
        name, domain = (ctypes.create_unicode_buffer(_NAME) for _ in range(2))
        sizes, kind = (wintypes.DWORD(_NAME), wintypes.DWORD(_NAME)), wintypes.DWORD()
        known = _account(None, found, name, ctypes.byref(sizes[0]), domain, ctypes.byref(sizes[1]), ctypes.byref(kind))
        return name.value if known and name.value else sid
    finally:
        _free(found.value)
