"""What was kept of a server before it was ended: a folder of files, each with its sum."""

from __future__ import annotations

from typing import Any

from watchdog.model.evidence import Evidence
from watchdog.model.records import record


@record(frozen=True)
class Artifact:
    """One file of a snapshot."""

    kind: str  # stacks, threads, sockets, files, machine, log …
    path: str  # below the evidence folder; empty where nothing could be written
    sha256: str
    size: int
    seconds: float
    error: str | None = None
    source: str = ""  # of a copied log: where it stands

    def record(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "kind": self.kind,
            "path": self.path,
            "sha256": self.sha256,
            "bytes": self.size,
            "seconds": round(self.seconds, 3),
            "error": self.error,
        }
        return {**found, "source": self.source} if self.source else found


@record(frozen=True)
class Snapshot:
    """A folder of evidence and its manifest."""

    folder: str
    artifacts: tuple[Artifact, ...]
    seconds: float
    seen: Evidence | None = None  # what the files were made of, for the diagnosis

    def record(self) -> dict[str, Any]:
        return {
            "evidence": self.folder,
            "artifacts": [artifact.record() for artifact in self.artifacts],
            "seconds": round(self.seconds, 3),
        }
