"""Runs one command with a deadline: argv only, never a shell, and nothing of it stays behind when the time is over."""

from __future__ import annotations

import contextlib
import os
import pwd
import select
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from watchdog.model.records import record
from watchdog.system.signals import end_child

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PIECE = 65536
_PIPE = 4096  # bytes that the smallest pipe takes at once


@record(frozen=True)
class Done:
    """How a command went. `code` and `signal` are both None when it never ran, or had to be ended."""

    code: int | None
    signal: int | None
    output: str  # standard output and standard error together, at most the limit
    timed_out: bool
    seconds: float
    error: str = ""  # why it could not be run; empty if it was
    cut: bool = False  # it printed more than the limit: the rest was read and thrown away

    @property
    def ok(self) -> bool:
        return self.code == 0


def run(
    argv: Sequence[str],
    *,
    timeout: float,
    cwd: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    user: str | None = None,
    limit: int = 1_000_000,
    stdin: bytes | str | None = None,
) -> Done:
    """Run a command to its end, at most `timeout` seconds, and keep the first `limit` bytes of what it prints.

    Waits for its exit, not for the end of its output: a process that it leaves in the background may live on (its later
    output is lost). At the deadline its whole group gets SIGKILL. Without `env` it gets ours but for what would steer a
    Python program. `user` needs root. Every failure is in the record; nothing is raised but an interruption.
    """
    began = time.monotonic()
    try:
        child = _start(argv, cwd, env, user, stdin)
    except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
        return Done(None, None, "", False, time.monotonic() - began, error=_why(argv, cwd, error))
    output = _Output(limit)
    try:
        in_time = _follow(child, output, began + timeout)
    finally:
        # Also when Ctrl-C falls into the wait: a command without its reader would go on unseen.
        if child.returncode is None:
            end_child(child)
        if child.stdout is not None:
            output.drain(child.stdout.fileno())
            child.stdout.close()
    code = child.returncode
    ended = in_time and code is not None
    return Done(
        code=code if ended and code is not None and code >= 0 else None,
        signal=-code if ended and code is not None and code < 0 else None,
        output=output.text,
        timed_out=not in_time,
        seconds=time.monotonic() - began,
        cut=output.cut,
    )


def our_environment() -> dict[str, str]:
    """Ours, but for what would steer a Python program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def base_environment(user: str | None = None) -> dict[str, str]:
    """What every process of a service finds, whoever starts it, from where: nothing of the caller's surroundings.

    LookupError if there is no such user.
    """
    who = entry_of(user)
    return {"PATH": PATH, "HOME": who.pw_dir, "LANG": "C.UTF-8", "USER": who.pw_name, "LOGNAME": who.pw_name}


def entry_of(user: str | None) -> pwd.struct_passwd:
    """The account of a name or number; without one our own. LookupError if there is none."""
    try:
        if user is None:
            return pwd.getpwuid(os.geteuid())
        return pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        if user is None:  # a container may run under a number that nobody has given a name
            number = os.geteuid()
            return pwd.struct_passwd((str(number), "x", number, os.getegid(), "", "/", "/bin/sh"))
        raise LookupError(f"there is no user {user!r} on this machine") from None


def account(user: str | None) -> dict[str, Any]:
    """What `subprocess.Popen` needs to run as that user, supplementary groups included. LookupError if unknown."""
    if user is None:
        return {}
    entry = entry_of(user)
    if entry.pw_uid == os.geteuid():
        return {}
    return {
        "user": entry.pw_uid,
        "group": entry.pw_gid,
        "extra_groups": os.getgrouplist(entry.pw_name, entry.pw_gid),
    }


class _Output:
    """The first bytes of an endless stream."""

    def __init__(self, limit: int) -> None:
        self._limit, self._kept, self.cut = limit, bytearray(), False

    def add(self, piece: bytes) -> None:
        room = self._limit - len(self._kept)
        self._kept += piece[:room]
        self.cut = self.cut or len(piece) > room

    def drain(self, descriptor: int) -> None:
        """What is in the pipe now, without waiting for those who still hold its other end."""
        os.set_blocking(descriptor, False)
        with contextlib.suppress(BlockingIOError):
            for _ in range(64):
                piece = os.read(descriptor, _PIECE)
                if not piece:
                    break
                self.add(piece)

    @property
    def text(self) -> str:
        return self._kept.decode("utf-8", "backslashreplace")


def _start(
    argv: Sequence[str],
    cwd: str | Path | None,
    env: Mapping[str, str] | None,
    user: str | None,
    stdin: bytes | str | None,
) -> subprocess.Popen[bytes]:
    if not argv or not argv[0]:
        raise ValueError("the command is empty")
    if env is None:
        env = our_environment()
    with _file_of(stdin) if stdin is not None else contextlib.nullcontext() as source:
        return subprocess.Popen(
            list(argv),
            stdin=subprocess.DEVNULL if source is None else source,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=dict(env),
            bufsize=0,
            start_new_session=True,
            **account(user),
        )


@contextlib.contextmanager
def _file_of(text: bytes | str) -> Iterator[IO[bytes]]:
    """What a command reads, whole: nobody has to feed it."""
    data = text.encode() if isinstance(text, str) else text
    if len(data) <= _PIPE:
        read, write = os.pipe()
        os.write(write, data)
        os.close(write)
        with os.fdopen(read, "rb") as source:
            yield source
        return
    import tempfile  # here: it takes long to import, and few commands read so much

    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def _follow(child: subprocess.Popen[bytes], output: _Output, end: float) -> bool:
    """Read until the command has ended; False when the time was over first."""
    assert child.stdout is not None
    pipe = child.stdout.fileno()
    watcher = select.poll()
    watcher.register(pipe, select.POLLIN)
    reading = True
    with _exit_watch(child.pid) as finished:
        if finished is not None:
            watcher.register(finished, select.POLLIN)
        while child.poll() is None:
            left = end - time.monotonic()
            if left <= 0:
                return False
            ready = watcher.poll(min(left, 10.0 if finished is not None else 0.02) * 1000)
            if reading and any(descriptor == pipe for descriptor, _ in ready):
                piece = os.read(pipe, _PIECE)
                output.add(piece)
                if not piece:  # it closed its output and works on
                    reading = False
                    watcher.unregister(pipe)
            elif not reading and finished is None:
                time.sleep(0.02)
    return True


@contextlib.contextmanager
def _exit_watch(pid: int) -> Any:
    """A descriptor that becomes readable when our own child ends; None where there is no such thing."""
    try:
        descriptor = os.pidfd_open(pid)
    except (AttributeError, OSError):
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _why(argv: Sequence[str], cwd: str | Path | None, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = cwd if cwd is not None and not Path(cwd).is_dir() else argv[0] if argv else ""
        return f"{where}: {error.strerror}"
    return str(error)
