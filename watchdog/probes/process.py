"""Is the right program there, in the right number?"""

from __future__ import annotations

from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked


def probe(asked: Asked) -> Sample:
    least, most = int(asked.spec.subject), asked.spec.setting("most")
    count = len([one for one in asked.members() if one.state not in "ZX"])
    if not count:
        return asked.answer("failed", "no process of it runs", 0)
    if count < least:
        return asked.answer("failed", f"{count} of at least {least} processes run", count)
    if most is not None and count > most:
        return asked.answer("failed", f"{count} processes run, more than {most}", count)
    return asked.answer("ok", f"{count} processes run" if count > 1 else "1 process runs", count)
