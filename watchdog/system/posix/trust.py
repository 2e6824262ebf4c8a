"""Reading what decides over a server's life or death: only bytes that nobody else could have put there.

The rules are those of sshd and monit: what root reads belongs to root, nobody else may write it, and the same holds for
every folder above; a root-owned sticky folder (the temporary one) may stand above, since others cannot replace our
entries in it. The path is walked by descriptors, and the bytes come from the descriptor that was looked at, so that a
swap between the look and the reading gains nothing.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import stat
from pathlib import Path

from watchdog.model.errors import BadConfig
from watchdog.system.posix.accounts import user_name

LIMIT = 256 * 1024  # bytes; a playbook or runbook is far below
_LINKS_AT_MOST = 16
_WALK = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class _Untrusted(Exception):
    """Says which part of a path others can change; never leaves this file."""


def check_trusted_folder(path: Path) -> str:
    """Empty if only root and the caller can change the folder and all above it; else the sentence that says who can."""
    return _why_not(path, folder=True)


def check_trusted_file(path: Path) -> str:
    """The same for a regular file; a symbolic link in its place is reported as one."""
    return _why_not(path, folder=False)


def is_private(path: Path) -> bool:
    """Whether nobody but its owner, and root, can read or write the file."""
    return not path.stat().st_mode & 0o077


def read_trusted(path: Path, limit: int = LIMIT) -> bytes:
    """The whole content of a regular file of at most `limit` bytes; BadConfig says why it is not read.

    Root reads only what nobody else can change. An ordinary user who names a home may well name somebody else's: for
    him only links, devices, FIFOs and overlong files are refused.
    """
    strict = os.geteuid() == 0
    try:
        opened = _open(path, strict)
    except _Untrusted as trouble:
        raise BadConfig(f"{path} is not used", str(trouble), "chown it to root, and chmod go-w it") from None
    except OSError as error:
        raise BadConfig(f"{path} cannot be read", _reason(error), _remedy(error)) from None
    with os.fdopen(opened, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise BadConfig(f"{path} is not used", f"it is larger than {limit // 1024} KiB")
    return content


def why_not_a_program(path: Path, owner: int) -> str:
    """Why a file cannot be started for that user; empty if it can."""
    try:
        facts = path.stat()
    except OSError as error:
        return f"{path}: {error.strerror}"
    if not stat.S_ISREG(facts.st_mode):
        return f"{path} is not a program"
    if not facts.st_mode & 0o111:
        return f"{path} is not executable"
    return why_not_safe(path, owner)


def who_else_wrote(descriptor: int, owner: int) -> str:
    """Who else than root and this user could have written an open file; empty if nobody could."""
    facts = os.fstat(descriptor)
    if facts.st_uid not in (0, owner):
        return f"it belongs to user id {facts.st_uid}"
    return "it can be written by everybody" if facts.st_mode & stat.S_IWOTH else ""


def how_to_protect(path: Path) -> str:
    """What to type so that nobody else can change this file or folder."""
    return f"chown -R root {path} && chmod -R go-w {path}, also the folders above it"


def how_to_hide(path: Path) -> str:
    """What to type so that nobody else can read it."""
    return f"chmod 600 {path}"


def why_not_safe(path: Path, owner: int) -> str:
    """What root starts, or another user, must not be another one's to change."""
    facts = path.stat()
    if os.geteuid() == 0 and facts.st_uid not in (0, owner):
        who = user_name(facts.st_uid)
        return f"{path} belongs to user {who}, who could change what is started: set start.user, or chown it"
    if facts.st_mode & stat.S_IWOTH:
        return f"{path} can be written by everybody"
    return ""


def _why_not(path: Path, *, folder: bool) -> str:
    try:
        os.close(_enter(path, strict=True, itself=True) if folder else _open(path, strict=True))
    except _Untrusted as trouble:
        return str(trouble)
    except OSError as error:
        return f"{path}: {_reason(error)}"
    return ""


def _open(path: Path, strict: bool) -> int:
    whole = Path(os.path.abspath(path))  # noqa: PTH100  (links must stay visible)
    folder = _enter(whole.parent, strict=strict)
    try:
        opened = os.open(whole.name, _READ, dir_fd=folder)
    finally:
        os.close(folder)
    facts = os.fstat(opened)
    try:
        if not stat.S_ISREG(facts.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        if strict and (who := _who_else(facts)):
            raise _Untrusted(f"{whole} {who}")
    except BaseException:
        os.close(opened)
        raise
    return opened


def _enter(path: Path, *, strict: bool, itself: bool = False) -> int:
    """A descriptor of the folder, each part looked at; with `itself` the last one may not even be sticky."""
    parts = [part for part in os.path.abspath(path).split("/") if part]  # noqa: PTH100
    here, trail, links = os.open("/", _WALK), [""], 0
    try:
        if strict:
            _look(os.fstat(here), "/", sticky_is_fine=bool(parts))
        while parts:
            part = parts.pop(0)
            facts = os.stat(part, dir_fd=here, follow_symlinks=False)
            shown = "/".join([*trail, part])
            if stat.S_ISLNK(facts.st_mode):
                links += 1
                if links > _LINKS_AT_MOST:
                    raise OSError(errno.ELOOP, "too many symbolic links")
                if strict and facts.st_uid not in _ours():
                    raise _Untrusted(f"{shown} is a symbolic link of {_user(facts.st_uid)}")
                target = os.readlink(part, dir_fd=here)
                parts = [one for one in target.split("/") if one] + parts
                if target.startswith("/"):
                    os.close(here)
                    here, trail = os.open("/", _WALK), [""]
                continue
            found = os.open(part, _WALK | os.O_NOFOLLOW, dir_fd=here)
            os.close(here)
            here, trail = found, trail[:-1] if part == ".." else [*trail, part]
            if strict:
                _look(os.fstat(here), shown, sticky_is_fine=bool(parts) or not itself)
    except BaseException:
        os.close(here)
        raise
    return here


def _look(facts: os.stat_result, shown: str, sticky_is_fine: bool) -> None:
    if sticky_is_fine and facts.st_uid == 0 and facts.st_mode & stat.S_ISVTX:
        return
    if who := _who_else(facts):
        raise _Untrusted(f"{shown} {who}")


def _who_else(facts: os.stat_result) -> str:
    if facts.st_uid not in _ours():
        return f"belongs to {_user(facts.st_uid)}"
    if facts.st_mode & 0o002:
        return "can be written by everybody"
    if facts.st_mode & 0o020 and not _private_group(facts.st_gid):
        return f"can be written by the group {_group(facts.st_gid)}"
    return ""


def _ours() -> frozenset[int]:
    return frozenset((0, os.geteuid()))


def _private_group(gid: int) -> bool:
    """Whether the group holds nobody but the caller: many systems give each user one, and a umask of 002 with it."""
    if os.geteuid() == 0:
        return False
    with contextlib.suppress(KeyError):
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
        return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}
    return False


def _user(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user {uid}"


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _reason(error: OSError) -> str:
    return {errno.ELOOP: "it is a symbolic link, or there are too many"}.get(error.errno or 0, error.strerror or "")


def _remedy(error: OSError) -> str:
    return "put the file itself there" if error.errno == errno.ELOOP else ""
