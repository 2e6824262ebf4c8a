"""Where something is: paths, addresses, links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from watchdog.config.fields import Reader, Whole, scalar


@dataclass(frozen=True)
class Location(Reader):
    """The path of a file or folder. `~` and `$` are not expanded: cron and a daemon would expand them differently."""

    def read(self, value: Any) -> str:
        right = "this needs a path, absolute or from the home"
        text = scalar(value, right)
        if not text.strip() or "\n" in text:
            raise ValueError(right)
        if text.startswith("~") or "$" in text:
            raise ValueError(f"{right}, written out: ~ and $VARIABLES are not expanded")
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Address(Reader):
    """HOST:PORT, or a port of this machine."""

    path: bool = False  # unix:/run/shop.sock too

    def read(self, value: Any) -> str:
        right = "this needs a port, or HOST:PORT" + (", or unix:/PATH" if self.path else "")
        text = scalar(value, right)
        if self.path and text.startswith("unix:/"):
            return text
        host, _, port = text.rpartition(":")
        try:
            Whole(1, 65535).read(port)
        except ValueError:
            raise ValueError(right) from None
        if not re.fullmatch(r"|\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]+", host) or (":" in text and not host):
            raise ValueError(right)
        return text if host else f"127.0.0.1:{port}"

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string", "minLength": 1}, Whole(1, 65535).schema()]}


@dataclass(frozen=True)
class Link(Reader):
    """A web address, or a path on the service's own port."""

    def read(self, value: Any) -> str:
        right = "this needs an address such as http://127.0.0.1:8000/health, or a path such as /health"
        text = scalar(value, right)
        odd = any(character.isspace() or not character.isprintable() for character in text)
        try:
            parts = urlsplit(text)
            fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            fine = False
        if odd or not (fine or text.startswith("/")):
            raise ValueError(right)
        return text

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": "^(/|https?://)"}
