"""Opening a log whose path other users could have tampered with.

A log in a folder that a service's user may write is the classic trap for a root tool: between the look and the open the
name becomes a symbolic or hard link to a file that only root may read, and its content ends up in a report.
"""

from __future__ import annotations

import errno
import os
import stat

_LINKS_AT_MOST = 16
_O_PATH = getattr(os, "O_PATH", 0)


def open_for_reading(path: str | bytes | os.PathLike[str]) -> int:
    """A descriptor of a regular file, race-free against links; OSError with a clear text for anything else.

    Links are followed, since rotation makes them, but each only as its maker's word: a link of a user who is neither
    root nor ourselves may lead only to a file of that same user. A file with several names (hard links) is refused
    where others may write the folder and the file is not theirs. The path is walked one folder at a time by descriptor,
    so nothing can be swapped behind us; FIFOs, devices, sockets and folders are seen before they are opened.
    """
    name = os.fsencode(os.path.abspath(os.fspath(path)))  # noqa: PTH100  (bytes, and no link may be resolved)
    if not _O_PATH:  # not Linux: the plain way, without the owner rule
        return _regular(os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    trusted = {0, os.geteuid()}
    makers: set[int] = set()  # untrusted users whose links we followed
    parts = [part for part in name.split(b"/") if part]
    here, shared, links = os.open(b"/", _O_PATH | os.O_DIRECTORY), False, 0
    try:
        while parts:
            part = parts.pop(0)
            found = os.open(part, _O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            facts = os.fstat(found)
            if stat.S_ISLNK(facts.st_mode):
                links += 1
                if links > _LINKS_AT_MOST:
                    os.close(found)
                    raise OSError(errno.ELOOP, "too many symbolic links")
                target = os.readlink(b"", dir_fd=found)
                os.close(found)
                if facts.st_uid not in trusted:
                    makers.add(facts.st_uid)
                if target.startswith(b"/"):
                    os.close(here)
                    here = os.open(b"/", _O_PATH | os.O_DIRECTORY)
                parts = [part for part in target.split(b"/") if part] + parts
            elif stat.S_ISDIR(facts.st_mode) and parts:
                shared |= facts.st_uid not in trusted or bool(facts.st_mode & 0o022)
                os.close(here)
                here = found
            else:
                os.close(found)
                if parts:
                    raise OSError(errno.ENOTDIR, "a part of the path is not a folder")
                return _open_last(here, part, facts, makers, shared, trusted)
        raise OSError(errno.EISDIR, "it is a folder, not a file")
    finally:
        os.close(here)


def _open_last(
    folder: int, name: bytes, seen: os.stat_result, makers: set[int], shared: bool, trusted: set[int]
) -> int:
    _must_be_regular(seen.st_mode)
    opened = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    facts = os.fstat(opened)
    problem, code = "", errno.EPERM
    if (facts.st_dev, facts.st_ino) != (seen.st_dev, seen.st_ino):
        problem, code = "it was replaced while it was opened", errno.EAGAIN
    elif makers and makers != {facts.st_uid}:
        problem = f"a link of user {min(makers)} leads to a file of user {facts.st_uid}: not followed"
    elif shared and facts.st_nlink > 1 and facts.st_uid in trusted:
        problem = f"it has {facts.st_nlink} names and stands where others may write: not read"
    if problem:
        os.close(opened)
        raise OSError(code, problem)
    return opened


def _regular(opened: int) -> int:
    try:
        _must_be_regular(os.fstat(opened).st_mode)
    except OSError:
        os.close(opened)
        raise
    return opened


def _must_be_regular(mode: int) -> None:
    kinds = {
        stat.S_IFIFO: "a FIFO (named pipe)",
        stat.S_IFCHR: "a character device",
        stat.S_IFBLK: "a block device",
        stat.S_IFSOCK: "a socket",
        stat.S_IFDIR: "a folder",
    }
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is {kinds.get(stat.S_IFMT(mode), 'no regular file')}, not a regular file")
