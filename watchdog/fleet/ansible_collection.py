"""`wd fleet collection`: where the Ansible collection lies that this wd ships."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from watchdog.steps.spec import Context, StepResult

FOLDER = Path(__file__).with_name("collection")


def collection(context: Context, options: Mapping[str, Any]) -> StepResult:
    """`ansible-galaxy collection install` takes the folder."""
    return StepResult("ok", str(FOLDER), {"folder": str(FOLDER)}, text=str(FOLDER))
