"""Runs one command with a deadline: argv only, never a shell, and nothing of it stays behind when the time is over."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from watchdog.model.records import record
from watchdog.system.host import accounts
from watchdog.system.signals import TERM, end_child, to_child

if sys.platform == "win32":
    from watchdog.system.windows import children
else:
    from watchdog.system.posix import children

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
    errors: str = ""  # standard error, with `apart`

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
    stdin: bytes | str | IO[bytes] | None = None,
    apart: bool = False,
    take: Callable[[bytes], object] | None = None,
    ask_first: float = 0.0,
) -> Done:
    """Run a command to its end, at most `timeout` seconds, and keep the first `limit` bytes of what it prints.

    Waits for its exit, not for the end of its output: a process that it leaves in the background may live on (its later
    output is lost). At the deadline its whole group gets SIGKILL. Without `env` it gets ours but for what would steer a
    Python program. `user` needs root. `apart` keeps standard error by itself. `take` gets the output piece by piece as
    it comes, in place of the record. With `ask_first` the command gets SIGTERM at its deadline, and SIGKILL so many
    seconds later. Every failure is in the record; nothing is raised but an interruption.
    """
    began = time.monotonic()
    output = _Output(limit)
    take = take or output.add
    with _scratch() if apart else contextlib.nullcontext() as errors:
        try:
            child = _start(argv, cwd, env, user, stdin, errors)
        except (OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
            return Done(None, None, "", False, time.monotonic() - began, error=_why(argv, cwd, error))
        try:
            in_time = children.follow(child, take, began + timeout)
            if not in_time and ask_first:
                to_child(child.pid, TERM)
                children.follow(child, take, began + timeout + ask_first)
        finally:
            # Also when Ctrl-C falls into the wait: a command without its reader would go on unseen.
            if child.returncode is None:
                end_child(child)
            children.drain(child, take)
        told = _first_bytes(errors, limit) if errors else ""
    code = child.returncode
    ended = in_time and code is not None
    return Done(
        code=code if ended and code is not None and code >= 0 else None,
        signal=-code if ended and code is not None and code < 0 else None,
        output=output.text,
        timed_out=not in_time,
        seconds=time.monotonic() - began,
        cut=output.cut,
        errors=told,
    )


def our_environment() -> dict[str, str]:
    """Ours, but for what would steer a Python program."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


class _Output:
    """The first bytes of an endless stream."""

    def __init__(self, limit: int) -> None:
        self._limit, self._kept, self.cut = limit, bytearray(), False

    def add(self, piece: bytes) -> None:
        room = self._limit - len(self._kept)
        self._kept += piece[:room]
        self.cut = self.cut or len(piece) > room

    @property
    def text(self) -> str:
        return self._kept.decode("utf-8", "backslashreplace")


def _start(
    argv: Sequence[str],
    cwd: str | Path | None,
    env: Mapping[str, str] | None,
    user: str | None,
    stdin: bytes | str | IO[bytes] | None,
    errors: IO[bytes] | None,
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
            stderr=errors or subprocess.STDOUT,
            cwd=cwd,
            env={**children.NEEDED, **env},
            bufsize=0,
            **children.ALONE,
            **accounts.to_run_as(user),
        )


@contextlib.contextmanager
def _file_of(text: bytes | str | IO[bytes]) -> Iterator[IO[bytes]]:
    """What a command reads, whole: nobody has to feed it."""
    if not isinstance(text, bytes | str):
        yield text
        return
    data = text.encode() if isinstance(text, str) else text
    if len(data) <= _PIPE:
        read, write = os.pipe()
        os.write(write, data)
        os.close(write)
        with os.fdopen(read, "rb") as source:
            yield source
        return
    with _scratch() as file:
        file.write(data)
        file.seek(0)
        yield file


def _scratch() -> IO[bytes]:
    import tempfile  # here: it takes long to import, and few commands need it

    return tempfile.TemporaryFile()


def _first_bytes(file: IO[bytes], limit: int) -> str:
    file.seek(0)
    return file.read(limit).decode("utf-8", "backslashreplace")


def _why(argv: Sequence[str], cwd: str | Path | None, error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        where = cwd if cwd is not None and not Path(cwd).is_dir() else argv[0] if argv else ""
        return f"{where}: {error.strerror}"
    return str(error)
