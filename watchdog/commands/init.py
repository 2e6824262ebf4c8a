"""`wd init`: makes a home, with an example to begin from. What is there already stays as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchdog.config.home import FOLDERS, why_untrusted
from watchdog.library import shelf
from watchdog.model.errors import BadConfig
from watchdog.model.exits import Exit
from watchdog.steps.spec import Context, StepResult
from watchdog.system.disk.files import make_folder, write_atomic
from watchdog.text.shown import joined

EXAMPLE = "chat-server"


def init(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Folders 0700, files 0600. BadConfig where nothing can be made."""
    home = Path(os.path.abspath(options["folder"] or "."))  # noqa: PTH100  (links must stay visible)
    try:
        made = _make(home)
    except OSError as error:
        raise BadConfig(f"no home can be made in {home}", error.strerror or str(error)) from None
    if not made:
        return StepResult(
            "nothing", f"{home} is a home already; nothing was changed", {"home": str(home), "made": []}, exit=Exit.FINE
        )
    lines = [f"made {one}" for one in made]
    if problem := why_untrusted(home):
        lines.append(f"note: wd will not find it by itself, and root cannot use it: {problem}")
    lines += ["next: write down your service in playbooks/, then: wd validate && wd explain --service NAME"]
    data = {"home": str(home), "made": [str(one) for one in made]}
    return StepResult("ok", f"made a home in {home}", data, text=joined(lines))


def _make(home: Path) -> list[Path]:
    """What was missing. A folder that is there keeps its mode: others may have good reason to look into it."""
    made = []
    for folder in (home, *(home / name for name in FOLDERS)):
        if not folder.is_dir():
            made.append(make_folder(folder))
    example = home / "playbooks" / "example.yml"
    if home / "playbooks" in made:
        write_atomic(example, _example())
        made.append(example)
    return made


def _example() -> str:
    text = shelf.shipped("playbooks")[EXAMPLE].read_text(encoding="utf-8")
    return text.replace("\nservice: chat\n", "\nservice: example\n").replace("--service chat", "--service example")
