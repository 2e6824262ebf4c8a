"""What a person wrote to say which server is meant."""

from __future__ import annotations

from watchdog.model.process import Identity
from watchdog.model.records import record


@record(frozen=True)
class Selector:
    """Several fields narrow each other. Empty means nothing, never everything."""

    port: int | None = None
    cmdline: tuple[str, ...] = ()  # each an argv element or its last path components, in order
    regex: bool = False  # cmdline is one pattern over the joined command line
    user: str | None = None  # narrows cmdline: whose process it is
    cwd: str | None = None  # narrows cmdline: the absolute folder in which it works
    pid: int | None = None
    service: str | None = None
    hung: bool = False
    identities: tuple[Identity, ...] = ()  # from a pipe: exactly these processes

    @property
    def empty(self) -> bool:
        return not (self.port or self.cmdline or self.pid or self.service or self.hung or self.identities)

    def __str__(self) -> str:
        parts = [
            f"port {self.port}" if self.port else "",
            f"command line {' '.join(self.cmdline)!r}" if self.cmdline else "",
            f"pid {self.pid}" if self.pid else "",
            f"service {self.service}" if self.service else "",
            "hung" if self.hung else "",
            f"{len(self.identities)} named processes" if self.identities else "",
        ]
        return ", ".join(part for part in parts if part) or "nothing"
