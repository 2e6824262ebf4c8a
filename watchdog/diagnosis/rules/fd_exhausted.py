"""No free file descriptor: nothing can be opened and no connection accepted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from watchdog.diagnosis import logbook, suspects
from watchdog.diagnosis.view import View
from watchdog.model.evidence import ProcessLook
from watchdog.model.finding import Culprit, Finding

PREVENT = (
    "Close what is opened on every path (`with open(...)`, `with closing(...)`), use one session for many requests, "
    "and raise the limit (`ulimit -n`, LimitNOFILE) only when the need is real."
)
_SAID = r"Too many open files|\[Errno 24\]|EMFILE"


def rule(view: View) -> Iterator[Finding]:
    said = logbook.matching(view.evidence.logs, _SAID, 200)
    for pid, look in view.last_looks.items():
        if not _full(look, bool(said)):
            continue
        kinds = _kinds(view, pid)
        told = ", ".join(f"{count} × {what}" for what, count in kinds[:3])
        yield Finding(
            cause="fd-exhausted",
            certainty="certain" if view.in_trouble or said else "likely",
            summary=f"process {pid} has {look.descriptors} of {look.descriptor_limit} descriptors open: {told}",
            culprit=_culprit(view, kinds[0][0] if kinds else ""),
            evidence=(f"files.json#pid={pid}", *(("log",) if said else ())),
            prevent=PREVENT,
            details=tuple(f"{count} × {what}" for what, count in kinds[:8]),
        )


def _full(look: ProcessLook, said: bool) -> bool:
    if look.descriptors is None or not look.descriptor_limit:
        return False
    free = look.descriptor_limit - look.descriptors
    return free <= max(1, look.descriptor_limit // 100) or (said and free <= look.descriptor_limit // 10)


def _kinds(view: View, pid: int) -> list[tuple[str, int]]:
    """What the descriptors are, most first: numbers and names of temporary files are left out to see what is alike."""
    found: Counter[str] = Counter()
    for one in view.evidence.descriptors:
        if one.pid != pid:
            continue
        if one.kind == "socket":
            connection = view.connection(one.inode)
            remote = connection.remote if connection else None
            found["client connection" if connection and connection.served else f"socket to {remote or 'nobody'}"] += 1
        elif one.kind == "file":
            found[re.sub(r"\d{2,}|[0-9a-f]{8,}|tmp\w{6,}", "*", one.target)] += 1
        else:
            found[one.kind] += 1
    return found.most_common()


def _culprit(view: View, kind: str) -> Culprit | None:
    """The line that opens this kind of thing and does not close it; else where the log's last failed opening was."""
    if kind == "client connection":
        return None
    names = (
        suspects.CONNECTS
        if kind.startswith(("socket", "unix"))
        else suspects.PIPES
        if kind == "pipe"
        else suspects.OPENS
    )
    guess = suspects.find(view, names)
    if guess is not None:
        return guess
    for error in reversed(logbook.all_tracebacks(view.evidence.logs)):
        if "open files" in error.message and (frame := view.innermost(error.frames)) is not None:
            return view.culprit(frame)
    return None
