"""A program of the operator: exit 0 is ok, 1 slow, 2 failed, anything else unknown, as Nagios plugins say it."""

from __future__ import annotations

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample, SampleVerdict
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind
from watchdog.system.child import commands
from watchdog.text.units import format_duration

_VERDICTS: dict[int, SampleVerdict] = {0: "ok", 1: "slow", 2: "failed"}


def probe(asked: Asked) -> Sample:
    timeout = asked.spec.timeout
    done = commands.run(asked.spec.subject, timeout=timeout, cwd=asked.spec.setting("cwd"), limit=20_000)
    if done.error:
        return asked.unknown(done.error)
    if done.timed_out:
        # It asks the server, and the server may be why it hangs; other reasons are its own to bound.
        return asked.answer("failed", f"the command has no end within {format_duration(timeout)}", done.seconds, "s")
    said = next((line.strip()[:200] for line in done.output.splitlines() if line.strip()), "")
    if done.code not in _VERDICTS:
        how = f"ended by signal {done.signal}" if done.signal else f"exit code {done.code}"
        return asked.unknown(f"{how}: {said}")
    return asked.answer(_VERDICTS[done.code], said or f"exit code {done.code}", done.seconds, "s")


KIND = ProbeKind(
    Key("command", "words", "the program and its arguments"),
    "A program of yours: exit 0 is ok, 1 slow, 2 failed, anything else unknown (as Nagios plugins).",
    probe,
    keys=(Key("cwd", "file", "its folder; by default the home", default="."),),
    health=2,
)
