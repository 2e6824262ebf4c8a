"""What one `wd sidecar` was asked to do, from its options and its playbook."""

from __future__ import annotations

from watchdog.model.playbook import Sidecar
from watchdog.model.records import record


@record(frozen=True)
class Settings:
    """The child and how it is watched."""

    service: str
    command: tuple[str, ...]
    env: dict[str, str]
    cwd: str | None = None
    fallback: tuple[str, ...] = ()
    typed: str = ""  # the command line of the bridge
    watch: Sidecar = Sidecar()

    @property
    def limits(self) -> dict[str, float]:
        return {**dict(Sidecar().limits), **dict(self.watch.limits)}
