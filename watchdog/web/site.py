"""What every page needs: the home, the journal, who may come in, and the newest look at the services."""

from __future__ import annotations

import threading
from pathlib import Path

from watchdog.journal.store import Journal
from watchdog.model.incident import Trigger
from watchdog.model.playbook import Playbook
from watchdog.model.records import record
from watchdog.model.selector import Selector
from watchdog.steps.spec import Context
from watchdog.web.address import LOCAL_NAMES, Address
from watchdog.web.looks import Looks
from watchdog.web.users import Users
from watchdog.web.visitors import Sessions, Tries, Visitor


@record(frozen=True)
class Entrance:
    """Where it listens, and what stands before it."""

    address: Address
    names: tuple[str, ...] = ()  # further names by which a browser may ask for it
    certificate: str = ""  # files for TLS
    key: str = ""
    proxy: str = ""  # the only address that requests may come from
    proxy_user: str = ""  # the header in which that proxy names the user

    @property
    def hosts(self) -> frozenset[str]:
        own = () if self.address.is_everywhere else (self.address.host,)
        local = LOCAL_NAMES if self.address.is_local else ()
        return frozenset(name.lower() for name in (*own, *local, *self.names))

    @property
    def is_secure(self) -> bool:
        """Whether what the browser sends is encrypted."""
        return bool(self.certificate or self.proxy)

    @property
    def url(self) -> str:
        """How a person reaches it."""
        scheme = "https" if self.is_secure else "http"
        if not self.names:
            return f"{scheme}://{self.address}"
        port = "" if self.proxy or self.address.port == 443 else f":{self.address.port}"
        return f"{scheme}://{self.names[0]}{port}"


class Site:
    """One for the whole server; its parts may be used by several threads."""

    def __init__(self, home: Path, state: Path, entrance: Entrance) -> None:
        self.home, self.state, self.entrance = home, state, entrance
        self.users, self.sessions, self.tries = Users(state), Sessions(), Tries()
        self.looks = Looks(home, state, self.journal)
        self._lock = threading.Lock()
        self._journal: Journal | None = None

    def journal(self) -> Journal:
        """One for all. Where the disk took nothing before, it is tried again: a page must not live on a lost store."""
        with self._lock:
            if self._journal is None or self._journal.in_memory:
                if self._journal is not None:
                    self._journal.shut()
                self._journal = Journal.open(self.state)
            return self._journal

    @property
    def journal_is_lost(self) -> bool:
        """Whether what was written last is in memory only."""
        return self._journal is not None and self._journal.in_memory

    def context(self, visitor: Visitor, playbook: Playbook | None = None) -> Context:
        """For a function of the command line, as if this person had typed it."""
        who = f"{visitor.name} (page, from {visitor.source})"
        return Context(
            selector=Selector(service=playbook.service if playbook else None),
            say=lambda text: None,
            ask=lambda question: False,
            folder=self.state / "incidents",
            state=self.state,
            playbook=playbook,
            home=self.home,
            trigger=Trigger("person", "on the page", who, home=str(self.home)),
        )
