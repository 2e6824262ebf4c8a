"""SHA-256 of a text without OpenSSL: `hashlib` loads it, which takes long in a quick kill."""

from __future__ import annotations

import importlib
from functools import lru_cache
from typing import Any

_MODULES = ("_sha256", "_sha2", "hashlib")  # of CPython up to 3.11, since 3.12, and everywhere


def sha256(text: str) -> str:
    """In hexadecimal digits."""
    return str(_function()(text.encode("utf-8", "backslashreplace")).hexdigest())


@lru_cache(maxsize=1)
def _function() -> Any:
    for name in _MODULES:
        try:
            return importlib.import_module(name).sha256
        except ImportError:
            continue
    raise AssertionError("hashlib is always there")
