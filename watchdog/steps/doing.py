"""What programs that nobody can ask do right now: a short look at their calls, and what the diagnosis makes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from watchdog.diagnosis.diagnose import diagnose
from watchdog.evidence.gather import gather, quick
from watchdog.model.causes import HEALTHY
from watchdog.model.evidence import Configured
from watchdog.model.exits import Exit
from watchdog.model.finding import Diagnosis
from watchdog.model.process import Tree, Verdict
from watchdog.model.records import record
from watchdog.system import clock
from watchdog.text.redact import redact

_SHORT = 0.5  # seconds for one look at each
_PATIENT = 7.0  # the same where what is stuck is named: the diagnosis of an endless job is sure after six
_IN_ALL, _IN_ALL_PATIENT = 2.0, 21.0  # seconds for all of them
_TOGETHER, _TOGETHER_PATIENT = 4, 8  # looks side by side; a patient one rests most of the time


@record(frozen=True)
class Doing:
    """One program: how it fares, and what it does in a few words."""

    verdict: Verdict
    words: str


def of_all(trees: Sequence[Tree], patient: bool) -> Mapping[int, Doing]:
    """By the pid of the root. `patient`: look for some seconds, so that what is stuck is known for certain. What there
    was no time for is missing."""
    deadline = clock.Deadline(_IN_ALL_PATIENT if patient else _IN_ALL)

    def one(tree: Tree) -> Doing | None:
        left = deadline.left
        if left < _SHORT / 2:
            return None
        evidence = gather(tree, Configured(), min(_PATIENT, left)) if patient else quick(tree, min(_SHORT, left))
        return told(diagnose(evidence))

    with ThreadPoolExecutor(_TOGETHER_PATIENT if patient else _TOGETHER, "wd-doing") as pool:
        found = zip(trees, pool.map(one, trees), strict=True)
        return {tree.root.pid: doing for tree, doing in found if doing is not None}


def told(diagnosis: Diagnosis) -> Doing:
    """Only what is certain counts as hung: the answer may cost the program its life."""
    if not diagnosis.findings:
        return Doing("unknown", "")
    first = diagnosis.findings[0]
    words = redact(first.summary if first.cause in HEALTHY else f"{first.cause}: {first.summary}")
    if first.cause in HEALTHY:
        return Doing("slow" if first.cause == "healthy-but-slow" else "healthy", words)
    certain = diagnosis.exit == Exit.CRITICAL and first.certainty == "certain"
    return Doing("hung" if certain else "unknown", words)
