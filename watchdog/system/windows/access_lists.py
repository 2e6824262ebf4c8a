"""Access lists (ACLs): read from Windows, and given to what wd makes."""

from __future__ import annotations

import contextlib
import ctypes
import msvcrt
import os
import struct
from collections.abc import Iterator
from ctypes import wintypes
from pathlib import Path
from typing import Any

from watchdog.system.windows import kernel
from watchdog.system.windows.rights import ALL, EVERYBODY, NOBODY, AccessList, Entry

# Its own list, not the parent's: all rights for the owner, the administrators and Windows; inherited below.
_OF_A_FOLDER = "D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)"
_OF_A_FILE = "D:P(A;;FA;;;OW)(A;;FA;;;BA)(A;;FA;;;SY)"
_REVISION, _FILE_OBJECT = 1, 1
_OWNER, _LIST, _NOT_THE_PARENTS = 0x1, 0x4, 0x80000000  # what of a descriptor is meant
_TO_READ_THE_LIST, _TO_READ, _TO_WRITE = 0x20000, 0x80000000, 0x40000000
_SHARED, _NEW, _EXISTING = 0x7, 1, 3
_A_FOLDER_TOO, _NOT_THROUGH_A_LINK = 0x02000000, 0x00200000
_INVALID = wintypes.HANDLE(-1).value
_LIST_HEAD, _ENTRY_HEAD = struct.Struct("=BBHHH"), struct.Struct("=BBHI")
_PLAIN = (0, 1, 9, 10)  # kinds of entries in which the account follows the rights


class _Attributes(ctypes.Structure):
    _fields_ = (("size", wintypes.DWORD), ("descriptor", ctypes.c_void_p), ("inherited", wintypes.BOOL))


_security = ctypes.WinDLL("advapi32", use_last_error=True)
_kernel = ctypes.WinDLL("kernel32", use_last_error=True)


def _typed(library: Any, name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments
    return function


_P, _Text, _Number = ctypes.c_void_p, wintypes.LPCWSTR, wintypes.DWORD
_parse = _typed(
    _security, "ConvertStringSecurityDescriptorToSecurityDescriptorW", wintypes.BOOL, _Text, _Number, _P, _P
)
_list_of = _typed(_security, "GetSecurityDescriptorDacl", wintypes.BOOL, _P, _P, _P, _P)
_get = _typed(_security, "GetSecurityInfo", _Number, wintypes.HANDLE, ctypes.c_int, _Number, _P, _P, _P, _P, _P)
_set = _typed(_security, "SetNamedSecurityInfoW", _Number, wintypes.LPWSTR, ctypes.c_int, _Number, _P, _P, _P, _P)
_open = _typed(_kernel, "CreateFileW", wintypes.HANDLE, _Text, _Number, _Number, _P, _Number, _Number, wintypes.HANDLE)
_set_itself = _typed(_security, "SetFileSecurityW", wintypes.BOOL, _Text, _Number, _P)
_make = _typed(_kernel, "CreateDirectoryW", wintypes.BOOL, _Text, _P)
_free = _typed(_kernel, "LocalFree", wintypes.HLOCAL, _P)


def open_for_reading(path: Path) -> int:
    """A descriptor of the file itself: a link is opened, not followed. OSError if that may not be."""
    return _descriptor(_opened(path, _TO_READ, None, _EXISTING), os.O_RDONLY)


def of(path: Path) -> AccessList:
    """The list of a file or folder; of a link, its own. OSError if it may not be read."""
    handle = _opened(path, _TO_READ_THE_LIST, None, _EXISTING)
    try:
        return _of_handle(handle)
    finally:
        kernel.close(handle)


def of_open(descriptor: int) -> AccessList:
    """The list of an open file."""
    return _of_handle(msvcrt.get_osfhandle(descriptor))


def make_folder(path: Path) -> None:
    """A new folder that nobody but its owner, administrators and Windows ever could enter. FileExistsError, OSError."""
    with _descriptor_of(_OF_A_FOLDER) as found:
        if not _make(str(path), _attributes(found)):
            raise ctypes.WinError(ctypes.get_last_error())


def make_file(path: str, flags: int) -> int:
    """A descriptor of a new file that only they can open: an `opener` for `open(…, "xb")`."""
    with _descriptor_of(_OF_A_FILE) as found:
        return _descriptor(_opened(Path(path), _TO_WRITE, _attributes(found), _NEW), flags)


def keep_for_owner(folder: Path) -> None:
    """Give a folder that is there such a list; what stands in it inherits it. OSError if that may not be."""
    with _descriptor_of(_OF_A_FOLDER) as found:
        entries, there, usual = ctypes.c_void_p(), wintypes.BOOL(), wintypes.BOOL()
        if not _list_of(found, ctypes.byref(there), ctypes.byref(entries), ctypes.byref(usual)):
            raise ctypes.WinError(ctypes.get_last_error())
        if error := _set(str(folder), _FILE_OBJECT, _LIST | _NOT_THE_PARENTS, None, None, entries, None):
            raise ctypes.WinError(error)
        if not _set_itself(str(folder), _LIST, found):  # Wine adds what the folder above hands on
            raise ctypes.WinError(ctypes.get_last_error())


def _opened(path: Path, rights: int, attributes: Any, how: int) -> int:
    handle = _open(str(path), rights, _SHARED, attributes, how, _A_FOLDER_TOO | _NOT_THROUGH_A_LINK, None)
    if handle in (None, _INVALID):
        raise ctypes.WinError(ctypes.get_last_error())
    return int(handle)


def _descriptor(handle: int, flags: int) -> int:
    try:
        return msvcrt.open_osfhandle(handle, flags | os.O_BINARY | os.O_NOINHERIT)
    except OSError:
        kernel.close(handle)
        raise


@contextlib.contextmanager
def _descriptor_of(text: str) -> Iterator[ctypes.c_void_p]:
    found = ctypes.c_void_p()
    if not _parse(text, _REVISION, ctypes.byref(found), None):
        raise ctypes.WinError(ctypes.get_last_error())
    try:
        yield found
    finally:
        _free(found)


def _attributes(descriptor: ctypes.c_void_p) -> Any:
    return ctypes.byref(_Attributes(ctypes.sizeof(_Attributes), descriptor, False))


def _of_handle(handle: int) -> AccessList:
    owner, entries, whole = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    places = ctypes.byref(owner), None, ctypes.byref(entries), None, ctypes.byref(whole)
    if error := _get(handle, _FILE_OBJECT, _OWNER | _LIST, *places):
        raise ctypes.WinError(error)
    try:
        return AccessList(
            kernel.sid_text(owner.value) if owner.value else NOBODY,
            tuple(_entries(entries.value)) if entries.value else None,
        )
    finally:
        _free(whole)


def _entries(at: int) -> Iterator[Entry]:
    _, _, _, count, _ = _LIST_HEAD.unpack(ctypes.string_at(at, _LIST_HEAD.size))
    at += _LIST_HEAD.size
    for _ in range(count):
        kind, flags, size, mask = _ENTRY_HEAD.unpack(ctypes.string_at(at, _ENTRY_HEAD.size))
        known = kind in _PLAIN  # else the worst is believed
        yield Entry(kernel.sid_text(at + _ENTRY_HEAD.size), mask, kind, flags) if known else Entry(EVERYBODY, ALL)
        at += size
