"""What every page needs: the home, the journal, who may come in, and the newest look at the services."""

from __future__ import annotations

import threading
from pathlib import Path

from watchdog.journal.store import Journal
from watchdog.model.errors import WdError
from watchdog.model.incident import Trigger
from watchdog.model.playbook import Playbook
from watchdog.model.selector import Selector
from watchdog.steps.spec import Context
from watchdog.store import address
from watchdog.web.entrance import Entrance
from watchdog.web.looks import Looks
from watchdog.web.users import Users
from watchdog.web.visitors import Sessions, Tries, Visitor


class Site:
    """One for the whole server; its parts may be used by several threads."""

    def __init__(self, home: Path, state: Path, entrance: Entrance, language: str = "") -> None:
        self.home, self.state, self.entrance = home, state, entrance
        self.language = language  # empty: each browser's own
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
    def has_store(self) -> bool:
        """Whether there is a page of all hosts. One whose address is wrong has the page, which says so."""
        try:
            return bool(address.of_home(self.home))
        except WdError:
            return True

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
