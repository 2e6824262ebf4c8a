"""How a kind of probe or check describes its keys in a playbook: the reader of playbooks and the documents use it."""

from __future__ import annotations

from typing import Any

from watchdog.model.records import record


@record(frozen=True)
class Key:
    """One key of a playbook. `value` is a name in `config.values.VALUES` and says which values are valid."""

    name: str
    value: str
    help: str
    default: Any = None
    low: float | None = None  # the bounds of a number or a time in seconds; None: those of the kind of value
    high: float | None = None
