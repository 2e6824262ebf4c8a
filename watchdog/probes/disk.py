"""Room on the file system of a path: bytes and inodes."""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.playbook import Percent, ProbeSpec
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked, limit_of
from watchdog.probes.kind import ProbeKind
from watchdog.system.host.machine import disk_within
from watchdog.text.units import format_size


def probe(asked: Asked) -> Sample:
    path, least = str(asked.spec.subject), asked.spec.setting("free", Percent(5.0))
    found = disk_within(path, asked.spec.timeout)
    if found is None:
        return asked.unknown(f"the file system of {path} cannot be asked")
    told = f"{format_size(found.free)} of {format_size(found.total)} are free on {found.mount}"
    if found.free < limit_of(least, found.total):
        return asked.answer("failed", told, found.free, "B")
    if found.free_inodes == 0:
        return asked.answer("failed", f"no inode is free on {found.mount}", found.free, "B")
    return asked.answer("ok", told, found.free, "B")


def _limit(spec: ProbeSpec, root: int | None) -> float | None:
    found = disk_within(str(spec.subject), 1.0)
    return limit_of(spec.setting("free", Percent(5.0)), found.total) if found else None


KIND = ProbeKind(
    Key("disk", "file", "a path on the file system"),
    "Room on the file system of a path.",
    probe,
    keys=(Key("free", "size-or-share", "less than this free is too little", default=Percent(5.0)),),
    measure=True,
    limit=_limit,
)
