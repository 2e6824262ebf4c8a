"""What a probe says of itself. One record a kind; the playbook, the schema, the loop and the documents read it."""

from __future__ import annotations

from collections.abc import Callable

from watchdog.model.kinds import Key
from watchdog.model.playbook import ProbeSpec
from watchdog.model.probing import Sample
from watchdog.model.records import record
from watchdog.probes.asked import Asked


@record(frozen=True)
class ProbeKind:
    """One kind of probe. Its name is the key in the playbook that holds the subject, and the name of `subject`."""

    subject: Key
    summary: str  # one sentence
    ask: Callable[[Asked], Sample]  # may raise; blocks for about the probe's timeout at most
    keys: tuple[Key, ...] = ()
    needs_tree: bool = False  # asks the processes, so they must be found first
    weak: str = ""  # what it cannot see; shown wherever the probe is shown
    answers: bool = False  # a good answer proves that the server itself works
    health: int = 0  # how well it tells whether the server serves; 0: it does not tell
    measure: bool = False  # a limit on a quantity: the server still works and can wait for a good moment
    limit: Callable[[ProbeSpec, int | None], float | None] | None = None  # (spec, root pid): where a trend ends
    file_with: str = ""  # the subject is a file if this key is given

    @property
    def name(self) -> str:
        return self.subject.name
