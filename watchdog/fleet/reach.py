"""One command of wd on one host: the link, the first program there, and what came back."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from watchdog.fleet.carry import Parcels
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
    'for p in "$@"; do if "$p" -I -S -c "import sys; sys.exit(sys.version_info < (3, 11))" </dev/null >/dev/null 2>&1; '
    f'then exec "$p" -I -S -c "$0"; fi; done; echo "{_NO_PYTHON} there" >&2; exit 127'
)


def ask(host: Host, words: Sequence[str], version: str, parcels: Parcels, within: float) -> Reply:
    """Run `wd WORDS -o json` there and read its lines."""
    kept: list[str] = []
    reply = talk(host, [*words, "-o", "json"], version, parcels, within, take=Lines(kept.append).add)
    rows = [row for line in kept if (row := as_object(line)) is not None]
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
    take: Callable[[bytes], object],
) -> Reply:
    """Run `wd WORDS` there with `body` on its standard input; `take` gets what it prints."""
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


def clean(host: Host, version: str, parcels: Parcels, within: float) -> Reply:
    """Remove what runs have left there, and the copies of wd. Refused by a host where a run goes on."""
    if host.trouble:
        return Reply(host, "unasked", host.trouble)
    order: dict[str, Any] = {"version": version, "parcels": parcels.known(), "home": host.home, "size": 0, "sha256": ""}
    kept: list[str] = []
    words = ["fleet", "host", "clean"]
    reply = _once(host, {**order, "words": words}, None, b'{"id": "all"}\n', within, Lines(kept.append).add)
    going_on: list[str] = next((row["going_on"] for line in kept if (row := as_object(line)) and "going_on" in row), [])
    if going_on:
        return _replaced(reply, "unready", f"a run goes on there: {', '.join(going_on)}")
    if not reply.arrived:
        return reply
    return _once(host, {**order, "words": [], "clean": True}, None, b"", within, lambda _: None)


def _once(
    host: Host,
    order: dict[str, Any],
    parcel: IO[bytes] | None,
    body: bytes,
    within: float,
    take: Callable[[bytes], object],
) -> Reply:
    output = _Arrival(take)
    begun = clock.monotonic()
    argv = [*host.link, shlex.join(_remote(host))] if host.link else _remote(host)
    with _input(host, order, parcel, body) as stdin:
        done = commands.run(argv, timeout=host.patience + within, stdin=stdin, apart=True, take=output.add)
    reached, reason = _outcome(host, done, output.arrived, within)
    return Reply(host, reached, reason, done.code, seconds=clock.monotonic() - begun, arrived=output.arrived)


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

    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    if host.password:
        file.write(host.password.encode() + b"\n")
    file.write(b"wd:" + arrival.text(order))
    if parcel is not None:
        shutil.copyfileobj(parcel, file)
    file.write(body)
    file.seek(0)
    return file


class Lines:
    """Pieces of output as lines."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take, self._rest = take, b""

    def add(self, piece: bytes) -> None:
        *whole, self._rest = (self._rest + piece).split(b"\n")
        for line in whole:
            self._take(line.decode("utf-8", "backslashreplace"))


class _Arrival:
    """Waits for the line that says where the command has arrived; the rest goes on. A profile may print before it."""

    def __init__(self, take: Callable[[bytes], object]) -> None:
        self._take, self._rest, self.arrived = take, b"", dict[str, Any]()

    def add(self, piece: bytes) -> None:
        while not self.arrived and piece:
            line, end, piece = (self._rest + piece).partition(b"\n")
            self._rest = b"" if end else line
            self.arrived = (as_object(line.decode("utf-8", "backslashreplace")) or {}).get("arrived") or {}
        if piece:
            self._take(piece)


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


def as_object(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _replaced(reply: Reply, reached: Reached, reason: str) -> Reply:
    return Reply(reply.host, reached, reason, reply.code, seconds=reply.seconds, arrived=reply.arrived)
