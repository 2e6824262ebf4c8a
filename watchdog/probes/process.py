"""Is the right program there, in the right number?"""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind


def probe(asked: Asked) -> Sample:
    least, most = int(asked.spec.subject), asked.spec.setting("most")
    count = len([one for one in asked.members() if not one.ended])
    if not count:
        return asked.answer("failed", "no process of it runs", 0)
    if count < least:
        return asked.answer("failed", f"{count} of at least {least} processes run", count)
    if most is not None and count > most:
        return asked.answer("failed", f"{count} processes run, more than {most}", count)
    return asked.answer("ok", f"{count} processes run" if count > 1 else "1 process runs", count)


KIND = ProbeKind(
    Key("process", "whole", "at least this number of processes", low=1, high=10_000),
    "Is the right program there, in the right number?",
    probe,
    keys=(Key("most", "whole", "at most this number", low=1, high=10_000),),
    needs_tree=True,
    weak="cannot see hangs",
    health=1,
)
