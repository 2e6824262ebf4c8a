"""`exec`: one command of the operator's own, without a shell."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any

from watchdog.steps.bounds import time_left
from watchdog.steps.spec import Context, StepResult
from watchdog.system.child import commands
from watchdog.text import exit_codes
from watchdog.text.redact import redact
from watchdog.text.units import format_duration

KEPT = 4000  # characters of its output


def execute(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Run it to its end, at most `timeout` seconds. A relative folder, and the default, are meant from the home."""
    argv = tuple(options["command"])
    what = redact(shlex.join(argv))
    folder = os.path.join(context.home or "", options["cwd"] or "") or None  # noqa: PTH118  (an absolute one wins)
    if context.dry_run:
        return StepResult("planned", f"run {what}" + (f" in {folder}" if folder else ""))
    done = commands.run(argv, timeout=time_left(context, options["timeout"]), cwd=folder, limit=1_000_000)
    data = {"command": what, "code": done.code, "signal": done.signal, "seconds": round(done.seconds, 3)}
    data["output"] = output = redact(done.output)[-KEPT:]
    if done.ok:
        told = f"{what}: done in {format_duration(done.seconds)}"
        return StepResult("ok", told, data, text=f"{output.rstrip()}\n{told}".lstrip())
    last = output.strip().rpartition("\n")[2][:200]
    if done.error:
        why = done.error
    elif done.timed_out:
        why = f"ended after {format_duration(done.seconds)}, its time limit"
    else:
        why = f"signal {done.signal}" if done.signal else f"exit {exit_codes.in_words(done.code or 0)}"
    text = f"{output.rstrip()}\n{what}: {why}".lstrip()
    return StepResult("failed", f"{what}: {why}" + (f": {last}" if last else ""), data, text=text)
