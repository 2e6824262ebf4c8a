"""`wd schema`: the JSON Schema of a playbook, for editors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from watchdog.config.schema import json_schema
from watchdog.steps.spec import Context, StepResult


def schema(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Printed as a whole; an editor takes it from a file or an address."""
    found = json_schema()
    return StepResult("ok", "the JSON Schema of a playbook", found, text=json.dumps(found, indent=2))
