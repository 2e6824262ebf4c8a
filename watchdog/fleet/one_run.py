"""One run on one host, from its begin to its files, over a link that may break at any moment."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any

from watchdog.fleet.carry import Parcels
from watchdog.fleet.keeper import sha256
from watchdog.fleet.reach import Lines, as_object, talk
from watchdog.fleet.records import Host, HostRun, Plan, Reply
from watchdog.model.exits import Exit
from watchdog.model.release import VERSION
from watchdog.system import clock

_START = 30.0  # seconds for wd to start on a host that is busy
_MORE = 120.0  # seconds beyond the deadline: the run closes its incident, the evidence gets its hashes
_FETCH = 600.0  # seconds for the files of one host
_PAUSE = 1.0  # seconds between two links
_HEAD = 200  # bytes in which the size of the archive stands
Told = Callable[[str], None]


def follow(run: HostRun, host: Host, plan: Plan, parcels: Parcels, *, begin: bool, say: Told) -> HostRun:
    """Begin it there, unless it has begun, and wait for its end. A broken link is made again, with the same id."""
    link = _Link(host, plan, begin, say)
    deadline = clock.Deadline(plan.deadline + _MORE + _START)
    heard = clock.monotonic()
    while True:
        reply = link.once(parcels, deadline.left)
        who = {key: str(reply.arrived.get(key) or getattr(run, key)) for key in ("identity", "node")}
        run = replace(run, **who)  # type: ignore[arg-type]
        if link.last.get("state") == "ended":
            return _ended(run, link.last)
        if link.last.get("state") in ("lost", "none"):
            return _without_end(run, link.last["state"])
        if link.failures > 1 and not link.arrived:
            return replace(run, stage="unreachable" if begin else "silent", text=reply.reason)
        if link.failures > 1 and not link.heard and reply.reached == "answered":  # wd there cannot do it
            return replace(run, stage="silent", text=reply.reason)
        heard = clock.monotonic() if link.heard else heard
        if deadline.over or clock.monotonic() - heard > plan.silence:
            return replace(run, stage="silent", text=reply.reason or "it has not come to an end in its time")
        clock.sleep(_PAUSE)


class _Link:
    """The links to one host, one after the other, and what the last one of them told."""

    def __init__(self, host: Host, plan: Plan, begin: bool, say: Told) -> None:
        self.host, self._say = host, say
        order = {"id": plan.id, "words": [*plan.words, "-o", "json"], "deadline": plan.deadline, "begin": begin}
        self._order = json.dumps(order).encode() + b"\n"
        self.last: dict[str, Any] = {}
        self.arrived = False  # an order has come to wd there, so a run may have begun
        self.heard = False
        self.failures = 0  # links without an end

    def once(self, parcels: Parcels, within: float) -> Reply:
        self.heard = False
        words = ["fleet", "host", "follow"]
        reply = talk(self.host, words, VERSION, parcels, within, body=self._order, take=Lines(self._line).add)
        self.failures += 1
        self.arrived = self.arrived or reply.arrived.get("way") in ("carried", "installed")
        return reply

    def _line(self, line: str) -> None:
        found = as_object(line)
        if not found or "state" not in found:
            return
        step = found.get("step")
        if step and step != self.last.get("step"):
            self._say(str(step))
        self.last, self.heard = found, True


def _ended(run: HostRun, told: Mapping[str, Any]) -> HostRun:
    known = {key: told[key] for key in ("stage", "outcome", "text", "cause", "incident", "seconds", "code")}
    return replace(run, **known, files=tuple(told.get("files") or ()))


def _without_end(run: HostRun, state: str) -> HostRun:
    if state == "none":
        return replace(run, stage="waiting", text="")
    return replace(run, stage="failed", outcome="failed", text="the run there was cut off: did the machine restart?")


def fetch(run: HostRun, host: Host, plan: Plan, parcels: Parcels, folder: Path) -> HostRun:
    """Its files, complete and as the host had them, or the reason why not."""
    order = json.dumps({"id": plan.id}).encode() + b"\n"
    with tempfile.TemporaryFile() as file:
        words = ["fleet", "host", "fetch"]
        reply = talk(host, words, VERSION, parcels, _FETCH, body=order, take=file.write)
        if reply.reached != "answered" or reply.code != Exit.FINE:
            return replace(run, missing=reply.reason or f"wd there ended with {reply.code}")
        try:
            return replace(run, missing=_unpack(file, run, folder))
        except (OSError, ValueError, tarfile.TarError) as error:
            return replace(run, missing=f"the archive cannot be read: {error}")


def _unpack(file: IO[bytes], run: HostRun, folder: Path) -> str:
    """Why it is not what the host had; empty if it is."""
    file.seek(0)
    head = file.readline(_HEAD)
    size, begin = int(json.loads(head)["size"]), len(head)
    file.truncate(begin + size)
    file.seek(begin)
    scrap = Path(tempfile.mkdtemp(prefix=".fetched-", dir=folder.parent))
    try:
        with tarfile.open(fileobj=file, mode="r|gz") as archive:
            for member in archive:
                _take(archive, member, run, scrap)
        sent = [one for one in run.files if not one["error"]]
        wrong = [one["path"] for one in sent if not _is_whole(scrap / one["path"], one["sha256"])]
        if wrong:
            return f"not as the host had it: {', '.join(wrong[:5])}"
        shutil.rmtree(folder, ignore_errors=True)
        scrap.rename(folder)
        return ""
    finally:
        shutil.rmtree(scrap, ignore_errors=True)


def _take(archive: tarfile.TarFile, member: tarfile.TarInfo, run: HostRun, scrap: Path) -> None:
    """A plain file that the host announced, at a place inside the folder. What else a host may send is not written."""
    parts = PurePosixPath(member.name).parts
    announced = any(one["path"] == member.name and one["bytes"] == member.size for one in run.files)
    source = archive.extractfile(member) if member.isreg() else None
    if source is None or not announced or ".." in parts or parts[0] == "/":
        return
    target = scrap.joinpath(*parts)
    target.parent.mkdir(0o700, parents=True, exist_ok=True)
    with source, target.open("xb") as out:
        shutil.copyfileobj(source, out)


def _is_whole(path: Path, hashed: str) -> bool:
    return path.is_file() and sha256(path) == hashed
