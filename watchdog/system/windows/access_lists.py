"""Access lists (ACLs): who may do what with a folder."""

from __future__ import annotations

import ctypes
from ctypes import wintypes
from pathlib import Path

# Its own list, not the parent's: all rights for the owner, the administrators and Windows; inherited below.
_FOR_OWNER = "D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)"
_REVISION, _ACCESS_LIST = 1, 4

_security = ctypes.WinDLL("advapi32", use_last_error=True)
_kernel = ctypes.WinDLL("kernel32", use_last_error=True)
_parse = _security.ConvertStringSecurityDescriptorToSecurityDescriptorW
_parse.restype = wintypes.BOOL
_parse.argtypes = (wintypes.LPCWSTR, wintypes.DWORD, ctypes.POINTER(ctypes.c_void_p), ctypes.POINTER(wintypes.ULONG))
_set = _security.SetFileSecurityW
_set.restype = wintypes.BOOL
_set.argtypes = (wintypes.LPCWSTR, wintypes.DWORD, ctypes.c_void_p)
_free = _kernel.LocalFree
_free.restype, _free.argtypes = wintypes.HLOCAL, (wintypes.HLOCAL,)


def keep_for_owner(folder: Path) -> None:
    """Nobody but its owner, administrators and Windows may enter it. OSError if the file system knows no such lists."""
    descriptor = ctypes.c_void_p()
    if not _parse(_FOR_OWNER, _REVISION, ctypes.byref(descriptor), None):
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        if not _set(str(folder), _ACCESS_LIST, descriptor):
            raise ctypes.WinError(ctypes.get_last_error())
    finally:
        _free(descriptor)
