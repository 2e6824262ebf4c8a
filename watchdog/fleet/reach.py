"""One command of wd on one host: the link, the first program there, and what came back."""

from __future__ import annotations

import base64
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from watchdog.fleet.records import Host, Reached, Reply
from watchdog.system import clock
from watchdog.system.child import commands
from watchdog.system.host import arrival

_NO_PYTHON = "wd: no Python 3.11 or newer"
_NEWEST = 20  # of the minor versions that are looked for
_SSH_FAILED = 255
_SAID = 300  # characters of a reason
# Runs the program that comes as the first line with the mark. A password that sudo did not ask for stands before it.
_FIRST = (
    'import os,base64;r=lambda:b"".join(iter(lambda:os.read(0,1).strip(b"\\n"),b""));'
    'exec(base64.b64decode(next(l[3:] for l in iter(r,b"") if l[:3]==b"wd:")))'
)
_FIND = (
    'for p in "$@"; do if "$p" -I -c "import sys; sys.exit(sys.version_info < (3, 11))" </dev/null >/dev/null 2>&1; '
    f'then exec "$p" -I -c "$0"; fi; done; echo "{_NO_PYTHON} there" >&2; exit 127'
)


class Parcels:
    """Copies of wd that can be sent along, by what they are made for. This one has none."""

    def known(self) -> dict[str, str]:
        """The hash of each that is there already."""
        return {}

    def made_for(self, tag: str) -> tuple[Path, str] | str:
        """(file, hash), or why there is none."""
        return f"wd is not installed there, and there is no copy for Python {tag}"


def ask(host: Host, words: Sequence[str], version: str, parcels: Parcels, within: float) -> Reply:
    """Run `wd WORDS -o json` there and read its lines."""
    kept: list[str] = []
    reply = talk(host, [*words, "-o", "json"], version, parcels, within, take=kept.append)
    rows = [row for line in kept if (row := _object(line)) is not None]
    if reply.reached == "answered" and not rows:
        return _replaced(reply, "unready", reply.reason or f"wd ended with {reply.code} and said nothing")
    if reply.reached != "answered" or not rows:
        return reply
    return Reply(host, "answered", "", reply.code, tuple(rows[:-1]), rows[-1], reply.seconds, reply.arrived)


def talk(
    host: Host,
    words: Sequence[str],
    version: str,
    parcels: Parcels,
    within: float,
    *,
    body: bytes = b"",
    take: Callable[[str], None],
) -> Reply:
    """Run `wd WORDS` there with `body` on its standard input; `take` gets each line that it prints."""
    if host.trouble:
        return Reply(host, "unasked", host.trouble)
    order: dict[str, Any] = {"version": version, "parcels": parcels.known(), "words": list(words), "home": host.home}
    reply = _once(host, {**order, "size": 0, "sha256": ""}, None, body, within, take)
    if reply.arrived.get("way") != "missing":
        return reply
    made = parcels.made_for(str(reply.arrived["tag"]))
    if isinstance(made, str):
        return _replaced(reply, "unready", made)
    path, sha256 = made
    with path.open("rb") as parcel:
        return _once(host, {**order, "size": path.stat().st_size, "sha256": sha256}, parcel, body, within, take)


def _once(
    host: Host,
    order: dict[str, Any],
    parcel: IO[bytes] | None,
    body: bytes,
    within: float,
    take: Callable[[str], None],
) -> Reply:
    lines = _Lines(take)
    begun = clock.monotonic()
    argv = [*host.link, shlex.join(_remote(host))] if host.link else _remote(host)
    with _input(host, order, parcel, body) as stdin:
        done = commands.run(argv, timeout=host.patience + within, stdin=stdin, apart=True, take=lines.add)
    lines.end()
    reached, reason = _outcome(host, done, lines.arrived, within)
    return Reply(host, reached, reason, done.code, seconds=clock.monotonic() - begun, arrived=lines.arrived)


def _remote(host: Host) -> list[str]:
    """The command there: a shell that looks for a Python, which becomes the first program."""
    ours = sys.version_info[1]
    minors = [ours, *(minor for minor in range(_NEWEST, 10, -1) if minor != ours)]
    pythons = [host.python] if host.python else [*(f"python3.{minor}" for minor in minors), "python3"]
    return [*host.become, "/bin/sh", "-c", _FIND, _FIRST, *pythons]


def _input(host: Host, order: dict[str, Any], parcel: IO[bytes] | None, body: bytes) -> IO[bytes]:
    """All that the remote side reads, as one file."""
    import shutil
    import tempfile

    program = arrival.program()
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    if host.password:
        file.write(host.password.encode() + b"\n")
    file.write(b"wd:" + base64.b64encode(program) + b"\n" + json.dumps(order).encode() + b"\n")
    if parcel is not None:
        shutil.copyfileobj(parcel, file)
    file.write(body)
    file.seek(0)
    return file


class _Lines:
    """Pieces of output as lines. The first line of ours says where the command has arrived."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take, self._rest, self.arrived = take, b"", dict[str, Any]()

    def add(self, piece: bytes) -> None:
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for line in whole:
            self._one(line)

    def end(self) -> None:
        if self._rest:
            self._one(self._rest)

    def _one(self, line: bytes) -> None:
        text = line.decode("utf-8", "backslashreplace")
        if self.arrived:
            self._take(text)
        else:  # a profile of the user may print something before
            self.arrived = (_object(text) or {}).get("arrived") or {}


def _outcome(host: Host, done: commands.Done, arrived: dict[str, Any], within: float) -> tuple[Reached, str]:
    said = _last_words(done.errors)
    if done.error:
        return "unreachable", done.error
    if done.timed_out:
        return "silent", f"no {'answer' if arrived else 'connection'} within {host.patience + within:g} s"
    if arrived:
        broken = host.link and done.code == _SSH_FAILED
        return ("silent", f"the link broke: {said}") if broken else ("answered", said)
    if host.link and done.code == _SSH_FAILED:
        return "unreachable", said or "ssh gave no reason"
    return (
        "unready",
        said or f"the first command there ended with {done.code if done.code is not None else done.signal}",
    )


def _last_words(errors: str) -> str:
    """Why `ssh` or the host gave up: its last line that says something."""
    lines = list(_telling(errors))
    told = next((line for line in reversed(lines) if line.startswith(_NO_PYTHON)), lines[-1] if lines else "")
    return told.removeprefix("wd: ")[:_SAID]


def _telling(errors: str) -> Iterator[str]:
    for line in errors.splitlines():
        text = line.strip().removeprefix("ssh: ")
        if text and not text.startswith(("Warning: Permanently added", "@@@", "Connection to ")):
            yield text


def _object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _replaced(reply: Reply, reached: Reached, reason: str) -> Reply:
    return Reply(reply.host, reached, reason, reply.code, seconds=reply.seconds, arrived=reply.arrived)
