"""How wd arrives on another machine: the first program there, where copies of wd lie, how one of them is started."""

from __future__ import annotations

import base64
import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MISSING = 97  # exit code of the program: there is no wd of this version, and none was sent; or it was removed
_PROGRAM = "watchdog.system.posix.arrival_program"
_FOLDER = "~/.cache/wd/carried"
_BECOME = "import sys; sys.path.insert(0, sys.argv.pop(1)); from watchdog.cli.main import main; main()"


def text(order: Mapping[str, Any]) -> bytes:
    """What a Python there reads: the program on one line, then its order."""
    spec = importlib.util.find_spec(_PROGRAM)
    assert spec and spec.origin
    program = Path(spec.origin).read_bytes() + b"\nmain()\n"
    facts = {**order, "folder": _FOLDER, "become": _BECOME, "missing": MISSING}
    return base64.b64encode(program) + b"\n" + json.dumps(facts).encode() + b"\n"


def folder() -> Path:
    """Where copies of wd are kept: below the user's own home, for this user alone."""
    return Path(_FOLDER).expanduser()


def become(root: Path) -> list[str]:
    """The words before those of a `wd` whose package lies in this folder."""
    return [sys.executable, "-I", "-c", _BECOME, str(root)]
