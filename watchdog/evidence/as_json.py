"""The records of the evidence as plain JSON values, whatever they are made of, secrets taken out."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from watchdog.model.process import Identity
from watchdog.text.redact import redact_data

MOST = 4_000_000  # bytes of one file
_TRIED = 16  # items from which the size of a whole series is known


def plain(value: Any) -> Any:
    """Dataclasses become objects, identities and paths text, sets lists; fields that are None are left out."""
    if isinstance(value, Identity):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
        return {name: plain(inner) for name, inner in pairs if inner is not None}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, bytes | PurePath):
        return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    if isinstance(value, set | frozenset):
        return sorted(plain(inner) for inner in value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(inner) for inner in value]
    return value


def as_json(value: Any) -> bytes:
    """Escaped so far that no control or bidi character is in it."""
    return (json.dumps(redact_data(plain(value)), indent=1, ensure_ascii=True, default=str) + "\n").encode()


def fitted(items: Sequence[Any], most: int = MOST) -> tuple[bytes, str | None]:
    """A series as JSON within `most` bytes: of one that is too long every second item is kept, or every third …"""
    if not items:
        return as_json([]), None
    tried = items[:: max(1, len(items) // _TRIED)]
    step = max(1, math.ceil(len(as_json(tried)) / len(tried) * len(items) / most))
    while True:
        kept = [*items[:-1:step], items[-1]]  # the last one always: it is the nearest to the end
        data = as_json(kept)
        if len(data) <= most or len(kept) <= 2:
            break
        step *= 2
    if len(data) > most:
        return b"", f"larger than {most} bytes even when thinned"
    return data, None if step == 1 else f"only every {step}. of {len(items)} is kept: the whole was too large"
