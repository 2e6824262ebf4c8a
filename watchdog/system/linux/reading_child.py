"""The program that opens files with the rights of another process: `target_files` starts it and asks it.

For each order it forks a child that takes on the rights, answers and ends, so that no right is ever given back. From
then on that child may be at the mercy of the process's user: it imports nothing, and its answers are plain text and
bytes. Should nobody be left to end it, it ends itself.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import sys
from typing import Any

from watchdog.system.disk import parts
from watchdog.system.linux import rights

_LIFETIME = 30  # seconds
_OUT = 1
_READ_ALL = 1 << 2  # CAP_DAC_READ_SEARCH: every file, and nothing is written with it
_VERSION_3 = 0x20080522  # of the kernel's capability records
_LIBRARY = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """One order a line, until there are no more."""
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            try:
                _answer(json.loads(line))
            finally:
                os._exit(0)
        os.waitpid(child, 0)


def _answer(order: dict[str, Any]) -> None:
    _write(b"%d\n" % os.getpid())
    signal.alarm(_LIFETIME)
    sys.path.clear()
    try:
        _take_on(_rights(order["rights"]))
    except OSError as error:
        reason = f"it could not be opened with the rights of its process: {error.strerror or error}"
        refused = parts.Part(error=reason, code=errno.EPERM)
        for _ in order["paths"]:
            _tell(refused)
        return
    for path in order["paths"]:
        _tell(parts.look_at(path, order["what"], order["limit"]))


def _rights(record: dict[str, Any]) -> rights.Rights:
    return rights.Rights(**{**record, "groups": tuple(record["groups"]), "root": tuple(record["root"])})


def _tell(part: parts.Part) -> None:
    head = {"length": len(part.data), "size": part.size, "modified": part.modified}
    _write(json.dumps({**head, "error": part.error, "code": part.code}).encode() + b"\n" + part.data)


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(_OUT, view) :]


def _take_on(wanted: rights.Rights) -> None:
    """Give up everything beyond these rights, for ever. OSError if that cannot be done."""
    if wanted.elsewhere:
        _enter_root(wanted)
    os.setgroups(wanted.groups)
    os.setresgid(wanted.gid, wanted.gid, wanted.gid)
    os.setresuid(wanted.uid, wanted.uid, wanted.uid)
    _keep_capabilities(_READ_ALL if wanted.reads_all else 0)


def _enter_root(wanted: rights.Rights) -> None:
    """Its root folder becomes ours: from there no link, wherever it points, leads out."""
    root = os.open(f"/proc/{wanted.pid}/root", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.fchdir(root)
    facts = os.fstat(root)
    os.close(root)
    if (facts.st_dev, facts.st_ino) != wanted.root[:2] or rights.root_of(wanted.pid) != wanted.root:
        raise OSError(errno.ESTALE, "its root folder has changed")
    os.chroot(".")


def _keep_capabilities(kept: int) -> None:
    header = (ctypes.c_uint32 * 2)(_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)(
        kept, kept, 0, 0, 0, 0
    )  # effective, permitted, inheritable: the low half, the high one
    if _LIBRARY.capset(header, sets) != 0:
        raise OSError(ctypes.get_errno(), "the capabilities cannot be given up")
