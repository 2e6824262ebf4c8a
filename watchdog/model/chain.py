"""What `wd incidents verify` finds: whether the record of incidents is as it was written."""

from __future__ import annotations

from typing import Any, Literal

from watchdog.model.records import record

# changed: it is not what was written. removed: it was taken out. added: nobody wrote it through wd.
FaultKind = Literal["changed", "removed", "added"]


@record(frozen=True)
class Head:
    """The last entry of the chain at some moment. Its hash covers that entry and all before it."""

    number: int
    hash: str

    def __str__(self) -> str:
        return f"{self.number}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head | None:
        number, _, digest = text.strip().partition(":")
        right = number.isascii() and number.isdigit() and len(number) < 16
        is_hash = len(digest) == 64 and set(digest) <= set("0123456789abcdef")
        return cls(int(number), digest) if right and is_hash else None


@record(frozen=True)
class Fault:
    """One place where the record is not what was written."""

    kind: FaultKind
    what: str  # a sentence without its end
    incident: str = ""
    entry: int | None = None  # of the chain

    def record(self) -> dict[str, Any]:
        return {"kind": self.kind, "incident": self.incident or None, "entry": self.entry, "what": self.what}


@record(frozen=True)
class Chain:
    """The whole chain, looked through."""

    entries: int
    head: Head | None
    begun: float | None  # when its first entry was written
    older: int  # incidents that were there before the chain: it covers them since it began
    hashes: dict[int, str]  # by the number of the entry
    faults: tuple[Fault, ...] = ()
