"""A block of an ordinary Markdown procedure: each one only after a yes, in the shell that its fence names."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from watchdog.steps.spec import Context, StepResult
from watchdog.system.child import commands
from watchdog.system.host import accounts
from watchdog.text.redact import redact

SHELLS = {"sh": ("sh", "-eu", "-c"), "bash": ("bash", "-eu", "-c"), "powershell": ("pwsh", "-NoProfile", "-Command")}
LIMIT = 600.0  # seconds, where the block gives none


def shell(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Parameters reach the script as environment variables only: a value is never read as shell words."""
    script, language = options["script"], options["language"]
    argv = SHELLS[language]
    if shutil.which(argv[0]) is None:
        return StepResult("skipped", f"{argv[0]} is not on this machine")
    if context.dry_run:
        return StepResult("planned", f"{language}: {script}")
    if not context.ask(f"Run in {language}: {script} ?"):
        return StepResult("refused", "a person said no (or there was nobody to ask; --yes answers)")
    environment = {**accounts.base_environment(), **dict(options["environment"])}
    done = commands.run([*argv, script], timeout=options["timeout"] or LIMIT, env=environment)
    output = redact(done.output[-4000:])
    data = {"code": done.code, "output": output}
    if done.code == 0:
        return StepResult("ok", f"{language}: done", data)
    why = "ended at its time limit" if done.timed_out else f"exit code {done.code}"
    return StepResult("failed", f"{why}: {output.strip()[-300:]}", data)
