"""Children that ended are never reaped: each keeps a pid, until there are none left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from watchdog.diagnosis import suspects
from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding

PREVENT = (
    "Wait for every child: `subprocess.run`, `Popen.wait` or `poll`, `os.waitpid` in a SIGCHLD handler; in a "
    "container run an init (`docker run --init`)."
)
MANY = 5  # a few may lie between their end and their parent's next look


def rule(view: View) -> Iterator[Finding]:
    by_parent = Counter(zombie.parent for zombie in view.evidence.zombies)
    for pid, count in by_parent.most_common(1):
        if count < MANY:
            return
        line = suspects.find(view, suspects.FORKS)
        yield Finding(
            cause="zombie-parent",
            certainty="likely" if not view.hung else "guess",
            summary=f"process {pid} has {count} children that ended and were not reaped",
            culprit=line,
            evidence=(f"processes.json#pid={pid}",),
            prevent=PREVENT,
        )
