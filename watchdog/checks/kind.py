"""What a check says of itself. One record a kind; the playbook, the schema and the documents read it."""

from __future__ import annotations

from collections.abc import Callable

from watchdog.model.kinds import Key
from watchdog.model.playbook import CheckSpec, Playbook
from watchdog.model.probing import CheckResult
from watchdog.model.records import record


@record(frozen=True)
class CheckKind:
    """One kind of check. Its name is the key in the playbook that holds the subject, and the name of `subject`."""

    subject: Key
    summary: str  # one sentence
    check: Callable[[CheckSpec, Playbook], CheckResult]  # may raise
    keys: tuple[Key, ...] = ()
    warning: str = ""  # when it warns, for the documents
    critical: str = ""  # when it is critical, for the documents

    @property
    def name(self) -> str:
        return self.subject.name
