"""Do the pipes between a program and its children move? A writer that waits for good is the sign of a deadlock."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind
from watchdog.system.process import descriptors, threads

_WRITES = ("write", "writev")
_SHORT = 0.5  # seconds: who has waited for less is just being served


def probe(asked: Asked) -> Sample:
    """failed if a thread waited in a write to a pipe at the answer before, and has not moved since."""
    members = [one.pid for one in asked.members()]
    if not members:
        return asked.unknown("no process of it runs")
    waiting = dict(_waiting(members))
    stuck = [told for key, told in waiting.items() if key in asked.bookmark.split()]
    bookmark = " ".join(sorted(waiting))
    if stuck:
        return asked.answer("failed", stuck[0], len(stuck), "", bookmark)
    return asked.answer("ok", "no thread waits to write to a pipe", 0, "", bookmark)


def _waiting(pids: list[int]) -> Iterator[tuple[str, str]]:
    """(key, sentence) of every thread that waits in a write to a pipe; the key changes when it has moved."""
    for pid in pids:
        writers = [
            one
            for one in threads.look(pid)
            if one.call and one.call.name in _WRITES and (one.asleep is None or one.asleep > _SHORT)
        ]
        pipes = {one.number: one.target for one in descriptors.of(pid, "pipe")} if writers else {}
        for one in writers:
            number = one.call.descriptor if one.call else None
            target = pipes.get(number) if number is not None else None
            if target:
                told = f"thread {one.tid} of pid {pid} waits to write to a pipe that nobody reads"
                yield f"{one.tid}:{one.switches}:{target}", told


KIND = ProbeKind(
    Key("stdio", "pipes", "pipes"),
    "Do the pipes between a program and its child move? For servers that speak over stdin and stdout.",
    probe,
    needs_tree=True,
)
