"""What every kind of probe is given, and how it answers: one signature for all, `probe(asked) -> Sample`."""

from __future__ import annotations

from watchdog.model.playbook import Percent, Playbook, ProbeSpec
from watchdog.model.probing import Sample, SampleVerdict
from watchdog.model.process import Process, Tree
from watchdog.model.records import record
from watchdog.system.process import processes


@record(frozen=True)
class Asked:
    """One question. `tree` is who the service was when it was last looked for; None: nothing was found."""

    spec: ProbeSpec
    playbook: Playbook
    tree: Tree | None
    at: float  # seconds since the epoch
    bookmark: str = ""  # what this probe left for itself the last time

    def answer(
        self, verdict: SampleVerdict, message: str, value: float | None = None, unit: str = "", bookmark: str = ""
    ) -> Sample:
        """A sample; how long it took is filled in by `run`."""
        pid = self.tree.root.pid if self.tree else None
        return Sample(self.spec.name, self.at, verdict, 0.0, message, value, unit, pid, bookmark=bookmark)

    def unknown(self, why: str) -> Sample:
        """Nothing was learnt about the server; the bookmark stays where it was."""
        return self.answer("unknown", why, bookmark=self.bookmark)

    def members(self) -> tuple[Process, ...]:
        """The tree's processes as they are now; one that ended, or whose pid is another's by now, is left out."""
        found = []
        for member in self.tree.members if self.tree else ():
            now = processes.read(member.process.pid)
            if now is not None and now.identity == member.process.identity:
                found.append(now)
        return tuple(found)


def limit_of(subject: object, total: float) -> float:
    """A limit in the unit of `total`: a share of it, or the number itself."""
    if isinstance(subject, Percent):
        return total * subject.value / 100.0
    if isinstance(subject, int | float):
        return float(subject)
    raise ValueError(f"{subject!r} is neither a number nor a share")


def percent_of(subject: object) -> float:
    """A limit in percent, however it was written."""
    return subject.value if isinstance(subject, Percent) else limit_of(subject, 100.0)
