"""What wd tells the shim: everything that a start needs, so that nothing has to be asked when wd is gone."""

from __future__ import annotations

from watchdog.model.records import record


@record(frozen=True)
class Order:
    """What to start, how, and after whose end."""

    service: str
    folder: str  # records, lock, and start.log
    command: list[str]
    fallback: list[str]
    cwd: str
    env: dict[str, str]
    user: str | None
    log: str | None
    through: list[str]  # a manager's own start command, instead of ours
    within: float  # seconds to get ready
    says_ready: bool  # it is up when it has said READY=1
    ports: list[int]  # must be free before the start
    port: int | None  # the one that it listens on when it is up
    doomed: list[str]  # identities of those that must be gone first
    beside: list[str]  # identities of those that go on meanwhile: wd ends them when the new server is proven
    inodes: list[int]  # their listening sockets: the holder of one belongs to them
    listen: list[str]  # addresses whose sockets the shim holds for the service
    limits: dict[str, int | None]  # see Limits of the playbook
    restarts: int  # after so many ends of the service within `restarts_within` seconds, the shim starts it no more
    restarts_within: float
    pauses: list[float]  # seconds before a start that follows a very short life: the first, and the longest
    finish_command: list[str]  # ends what is left of a kill that wd began; asks on standard input, 0 when all is gone
    standby: str  # folder in which it can be found for a moment after its service has ended
