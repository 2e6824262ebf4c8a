"""Redaction for this room and those above; the rules live in `model/`, since journal and checks use them too."""

from __future__ import annotations

from watchdog.model.redact import REDACTED, redact, redact_data

__all__ = ["REDACTED", "redact", "redact_data"]
