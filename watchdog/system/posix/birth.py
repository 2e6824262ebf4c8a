"""Brings a service's process into the world: its own session, a declared environment, nothing inherited from us."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.model.records import record
from watchdog.system.clock import Deadline
from watchdog.system.posix.accounts import to_run_as

_LARGEST_LOG = 10 * 1024 * 1024  # start.log is set aside beyond this; a declared log has its own rotation
_TAIL = 16 * 1024
_LINES, _LENGTH = 20, 500
_SHORT_OF_WITHIN = 10.0  # seconds of trying again


@record(frozen=True)
class Log:
    """The open file that the service writes to, and where this start begins in it."""

    descriptor: int
    begin: int

    def last_lines(self) -> tuple[str, ...]:
        """What this start has written last; read from the open file, so that nobody can put another in its place."""
        try:
            size = os.fstat(self.descriptor).st_size
            start = max(self.begin if size >= self.begin else 0, size - _TAIL)
            text = os.pread(self.descriptor, _TAIL, start)
        except OSError:
            return ()
        lines = text.decode("utf-8", "backslashreplace").splitlines()
        return tuple(line[:_LENGTH] for line in lines[-_LINES:])

    def note(self, words: str) -> None:
        """A line of ours among the service's own; not where the disk does not take it."""
        with contextlib.suppress(OSError):
            os.write(self.descriptor, f"{words}\n".encode("utf-8", "backslashreplace") if words else b"")

    def close(self) -> None:
        os.close(self.descriptor)


def open_log(own: Path, declared: str | None, user: str | None) -> Log:
    """The declared log, opened with the rights of the service's user; else our own start.log; else nothing is kept.

    A log that cannot be written, or a full disk, is not a reason to leave a server down. What was wrong with the
    declared one is the first line of start.log.
    """
    trouble = ""
    if declared:
        try:
            return _open(Path(declared), user)
        except (OSError, LookupError) as error:
            trouble = f"wd: the declared log is not used: {error}"
    with contextlib.suppress(OSError):
        if own.stat().st_size > _LARGEST_LOG:
            own.replace(own.with_name(own.name + ".1"))
    try:
        log = _open(own, None)
        log.note(trouble)
    except OSError:
        return Log(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC), 0)
    return log


def _open(path: Path, user: str | None) -> Log:
    # Root must not be led by a link in a folder of the service's user to a file that this user may not write.
    with rights_of(user):
        flags = os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        try:
            descriptor = os.open(path, flags | os.O_RDWR, 0o600)
        except PermissionError:
            descriptor = os.open(path, flags | os.O_WRONLY, 0o600)
    facts = os.fstat(descriptor)
    if not (stat.S_ISREG(facts.st_mode) or stat.S_ISCHR(facts.st_mode)):
        os.close(descriptor)
        raise OSError(f"{path} is neither a regular file nor a character device")
    os.set_blocking(descriptor, True)
    return Log(descriptor, facts.st_size)


def spawn(
    command: Sequence[str],
    *,
    cwd: str,
    user: str | None,
    log: Log,
    more: Mapping[str, Any],
) -> subprocess.Popen[bytes]:
    """Start it, trying again for a while on a machine that is out of memory or processes; the caller reaps it.

    OSError or LookupError if it cannot be started. Session, umask and signals are as after a boot; standard input is
    empty, both outputs go to the log, and it holds no other descriptor of ours: no lock and no pipe. `more` is for
    `subprocess.Popen`: the environment, the sockets that are handed over, what is done between fork and exec.
    """
    deadline = Deadline(_SHORT_OF_WITHIN)
    while True:
        try:
            return subprocess.Popen(
                list(command),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log.descriptor,
                stderr=log.descriptor,
                start_new_session=True,
                umask=0o022,
                **to_run_as(user),
                **more,
            )
        except OSError as error:
            if error.errno not in (errno.ENOMEM, errno.EAGAIN) or deadline.over:
                raise
            time.sleep(0.5)


class rights_of:
    """For a moment the rights of another user; only in a process with one thread."""

    def __init__(self, user: str | None) -> None:
        self._rights = to_run_as(user) if user else {}

    def __enter__(self) -> None:
        if self._rights:
            self._before = (os.getegid(), os.getgroups())
            os.setgroups(self._rights["extra_groups"])
            os.setegid(self._rights["group"])
            os.seteuid(self._rights["user"])

    def __exit__(self, *_: object) -> None:
        if self._rights:
            os.seteuid(0)
            os.setegid(self._before[0])
            os.setgroups(self._before[1])
