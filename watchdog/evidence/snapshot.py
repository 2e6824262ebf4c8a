"""The evidence as a folder: one file a kind, each with its hash, and a manifest that was written last.

Logs first, since a restart overwrites them. The whole keeps to its time and to a share of the disk: evidence must never
be in the way of the cure. What could not be had gets its own line, never an exception.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from watchdog.evidence import logs as saved_logs
from watchdog.evidence.as_json import MOST, as_json, fitted
from watchdog.evidence.readable import stacks_text, tasks_text
from watchdog.model.evidence import Configured, Evidence, Exit
from watchdog.model.process import Tree, target_record
from watchdog.model.snapshot import Artifact, Snapshot
from watchdog.system import clock
from watchdog.system.disk import files
from watchdog.text.printable import printable_lines
from watchdog.text.redact import redact, redact_data
from watchdog.text.units import format_size, iso

AT_MOST = 50_000_000  # bytes of one snapshot
LEFT_FREE = 0.5  # share of the free disk that is never touched
TOO_LITTLE = 100_000  # bytes: below that nothing is written at all
_LOGS_SHARE = 0.3  # of the time
_LOOKING_SHARE = 0.85  # of the time that is left then
_OVERTIME = 1.1  # of the time: then only what is shown first is still written
TO_WRITE = 1.0  # seconds that writing has in any case, up to the time of the whole: what was seen is not thrown away
_ALWAYS = 4  # stacks as text and as data, threads, processes
_LOOKING_AT_NOTHING = 2.0  # seconds, where no process is there to change

_Content = tuple[bytes, str | None]  # what is written, and what is missing in it


def take(
    tree: Tree | None,
    folder: Path,
    logs: Sequence[str | Path],
    within: float,
    evidence: Evidence | None = None,
    *,
    configured: Configured = Configured(),  # noqa: B008 - frozen
    exits: Sequence[Exit] = (),
    keep_locals: bool = False,
    enough: float | None = None,
) -> Snapshot:
    """Keep what can be seen of the server in `folder` (made, 0700) within about `within` seconds.

    Without `evidence` it is gathered here, after the logs are safe; either way it comes back as `seen`. The looking
    ends when a cause is certain, or after `enough` seconds. Refused if the folder is a link or another's; every other
    trouble is an error line of the snapshot.
    """
    deadline = clock.Deadline(within)
    begun = clock.monotonic()
    kept: list[Artifact] = []
    try:
        opened = files.open_folder(folder)
    except OSError as error:
        found = evidence or _look(tree, configured, deadline.left, keep_locals, (), exits, enough)
        return Snapshot("", (_nothing("folder", f"{folder}: {error.strerror}"),), clock.monotonic() - begun, found)
    with opened:
        room = min(AT_MOST, int(files.free_space(folder) * (1 - LEFT_FREE)))
        tails, saved = _save_logs(opened, logs, min(deadline.left, max(0.3, within * _LOGS_SHARE)), room)
        kept += saved
        if tree is None and evidence is None:
            kept.append(_nothing("process", "nothing runs: there are no stacks, threads or sockets to be had"))
        found = evidence or _look(tree, configured, deadline.left * _LOOKING_SHARE, keep_locals, tails, exits, enough)
        end = max(begun + within * _OVERTIME, clock.monotonic() + min(TO_WRITE, within))
        for number, (kind, name, make) in enumerate(_files(found)):
            if number >= _ALWAYS and clock.monotonic() > end:
                kept.append(_nothing(kind, "no time was left to write it"))
            else:
                kept.append(_keep(opened, kind, name, make, room - sum(one.size for one in kept)))
        kept += [_nothing(gap.collector, " ".join(filter(None, (gap.reason, gap.remedy)))) for gap in found.gaps]
        snapshot = Snapshot(str(folder), tuple(kept), clock.monotonic() - begun, found)
        problem = _write_manifest(opened, snapshot, found)
    if problem:
        return Snapshot(str(folder), (*kept, _nothing("manifest", problem)), snapshot.seconds, found)
    return snapshot


def free_folder(above: Path) -> Path:
    """Where the next snapshot of an incident goes: `evidence`, then `evidence-2` …"""
    folder, number = above / "evidence", 1
    while folder.exists():
        number += 1
        folder = above / f"evidence-{number}"
    return folder


def _look(
    tree: Tree | None,
    configured: Configured,
    seconds: float,
    keep_locals: bool,
    tails: Sequence[Any],
    exits: Sequence[Exit],
    enough: float | None,
) -> Evidence:
    from watchdog.evidence.gather import gather  # brings py-spy and the diagnosis, which quick evidence does not need

    most = seconds if tree else min(seconds, _LOOKING_AT_NOTHING)
    return gather(tree, configured, max(0.5, most), keep_locals, tails, exits, enough=enough)


def _save_logs(
    opened: files.Folder, logs: Sequence[str | Path], seconds: float, room: int
) -> tuple[tuple[Any, ...], tuple[Artifact, ...]]:
    if not logs:
        return (), ()
    if room < TOO_LITTLE:
        return saved_logs.tails(logs), (_nothing("log", _no_room(room)),)
    with opened.folder("logs") as inner:
        return saved_logs.save(inner, logs, seconds, room // 2)


def _files(found: Evidence) -> Iterator[tuple[str, str, Callable[[], _Content]]]:
    """(kind, name, content) of each file, the most telling first: the disk or the time may end."""
    if found.stacks:
        yield "stacks", "stacks.txt", partial(_text, lambda: stacks_text(found))
        yield "stacks", "stacks.json", partial(fitted, found.stacks)
    if found.looks:
        yield "threads", "threads.json", partial(fitted, found.looks)
    yield "processes", "processes.json", partial(_whole, lambda: _processes(found))
    if found.tasks:
        yield "tasks", "tasks.txt", partial(_text, lambda: tasks_text(found.tasks))
        yield "tasks", "tasks.json", partial(fitted, found.tasks)
    lists: tuple[tuple[str, Sequence[Any]], ...] = (
        ("locks", found.locks),
        ("connections", found.connections),
        ("listeners", found.listeners),
        ("descriptors", found.descriptors),
        ("file_locks", found.file_locks),
        ("series", series(found)),
        ("answers", found.answers),
        ("peers", found.peers),
        ("exits", found.exits),
        ("sources", found.sources),
    )
    for kind, items in lists:
        if items:
            yield kind, f"{kind}.json", partial(fitted, items)
    if found.machine is not None:
        yield "machine", "machine.json", partial(_whole, lambda: found.machine)


def series(found: Evidence) -> list[dict[str, Any]]:
    """Memory, CPU, threads and open files of the whole tree at each look, for the report's curves."""
    used: dict[float, dict[int, float]] = {}
    for look in found.looks:
        used.setdefault(look.at, {})[look.process.pid] = look.process.cpu_seconds
    points, before = [], None
    for point in found.memory:
        now = used.get(point.at, {})
        cpu = None
        if before is not None and point.at > before[0]:
            spent = sum(seconds - before[1][pid] for pid, seconds in now.items() if pid in before[1])
            cpu = round(100 * max(0.0, spent) / (point.at - before[0]), 1)
        before = (point.at, now) if now else before
        points.append(
            {
                "at": round(point.at, 2),
                "rss": point.rss,
                "cpu_percent": cpu,
                "threads": point.threads,
                "descriptors": point.descriptors,
            }
        )
    return points if found.tree else []


def _processes(found: Evidence) -> dict[str, Any]:
    tree = found.tree
    return {
        "targets": [target_record(member, tree) for member in tree.members] if tree else [],
        "tree": tree,
        "strangers": found.strangers,
        "zombies": found.zombies,
        "python": found.python,
        "pending_signals": found.pending,
        "configured": found.configured,
        "requests": found.requests,
        "note": "" if tree else "nothing runs: there was no process to look at",
    }


def _whole(make: Callable[[], Any]) -> _Content:
    data = as_json(make())
    return (data, None) if len(data) <= MOST else (b"", f"larger than {format_size(MOST)}")


def _text(make: Callable[[], str]) -> _Content:
    data = printable_lines(redact(make())).encode("utf-8", "backslashreplace")
    return (data, None) if len(data) <= MOST else (data[:MOST], f"cut at {format_size(MOST)}")


def _keep(opened: files.Folder, kind: str, name: str, make: Callable[[], _Content], room: int) -> Artifact:
    """One file; whatever goes wrong with it is its error line."""
    begun = clock.monotonic()
    try:
        data, missing = make()
        if not data:
            return _nothing(kind, missing or "empty")
        if len(data) > room:
            return _nothing(kind, _no_room(room))
        opened.write(name, data, settle=False)
    except OSError as error:
        return _nothing(kind, error.strerror or str(error))
    except Exception as error:  # noqa: BLE001 - one broken record must not cost the others
        return _nothing(kind, f"{type(error).__name__}: {error}"[:200])
    digest = hashlib.sha256(data).hexdigest()
    return Artifact(kind, name, digest, len(data), clock.monotonic() - begun, missing)


def _write_manifest(opened: files.Folder, snapshot: Snapshot, found: Evidence) -> str:
    """Last, complete or absent: a folder without it was cut off. Gives what went wrong, or nothing."""
    tree = found.tree
    manifest = {
        "taken": iso(found.taken or clock.now()),
        "seconds": round(snapshot.seconds, 3),
        "looking": round(found.seconds, 3),
        "service": tree.service if tree else found.configured.service,
        "pids": list(tree.pids) if tree else [],
        "artifacts": [artifact.record() for artifact in snapshot.artifacts],
    }
    try:
        opened.write("manifest.json", json.dumps(redact_data(manifest), indent=1))
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _nothing(kind: str, error: str) -> Artifact:
    return Artifact(kind, "", "", 0, 0.0, redact(error))


def _no_room(room: int) -> str:
    return f"no room on the disk: only {format_size(max(0, room))} may be used"
