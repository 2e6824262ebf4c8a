"""`wd guard`: writes the one-file request limiter into a project that wants it."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchdog.model.errors import CannotTell, Refused, WrongUsage
from watchdog.steps.spec import Context, StepResult
from watchdog.system.disk import files
from watchdog.text.shown import joined

_HINTS = (
    "from {name} import GuardASGI   # app = GuardASGI(app, seconds=30)",
    "from {name} import GuardWSGI   # app = GuardWSGI(app, seconds=30)",
    "from {name} import bounded     # @bounded(30)",
)


def guard(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Write the file and say how to use it. An existing file is replaced only after a yes."""
    target = Path(options["to"])
    if target.is_dir():
        target = target / "request_guard.py"
    if not target.parent.is_dir():
        raise WrongUsage(f"there is no folder {target.parent}", todo="--to takes a file in a folder that exists")
    source = pkgutil.get_data("watchdog.library", "request_guard.py")
    if source is None:
        raise CannotTell("the guard is missing", "wd's installation is incomplete")
    if context.dry_run:
        return StepResult("planned", f"would write {target}", {"path": str(target)})
    kept = target.exists() and target.read_bytes() != source
    if kept and not options.get("yes") and not context.ask(f"{target} exists; replace it?"):
        raise Refused(f"{target} was not written", "it exists, with another content", "answer yes, or give --yes")
    files.write_atomic(target, source, mode=0o644)
    hints = [hint.format(name=target.stem) for hint in _HINTS]
    text = joined([f"{target} was written; in the project one of", *(f"  {hint}" for hint in hints)])
    return StepResult("ok", f"{target} was written", {"path": str(target), "bytes": len(source)}, text=text)
