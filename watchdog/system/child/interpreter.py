"""The command line that runs a function of ours in a separate interpreter, free of the caller's surroundings."""

from __future__ import annotations

import sys
from pathlib import Path

from watchdog.system import here

_ROOT = str(Path(__file__).resolve().parents[3])
# One line: people see it in process lists.
_CODE = (
    "import importlib,sys; sys.path.insert(0,sys.argv[1]); getattr(importlib.import_module(sys.argv[2]),sys.argv[3])()"
)


def command(function: str, *words: str, light: bool = True) -> list[str]:
    """Words that run "package.module:function" and carry some more that a person sees in a process list.

    `light`: the standard library and what of ours needs no more. Elsewhere than on Linux that is psutil, too.

    -I keeps the current folder, PYTHON variables and the user's packages out: none of them may decide what root runs.
    """
    module, _, name = function.partition(":")
    return [
        sys.executable,
        "-I",
        *(["-X", "wd_portable"] if "wd_portable" in sys._xoptions else []),
        *(["-S"] if light and here.NAME == "linux" else []),
        "-c",
        _CODE,
        _ROOT,
        module,
        name,
        *words,
    ]
