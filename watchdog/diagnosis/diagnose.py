"""Evidence in, findings out, strongest first. Pure: no clock, no file, no process."""

from __future__ import annotations

from dataclasses import replace

from watchdog.diagnosis import jobs, logbook, packages, posts, rounds, seen_once, spinning
from watchdog.diagnosis.code import with_beside
from watchdog.diagnosis.ranking import graded, is_early, may_be_explained, rank, tempered
from watchdog.diagnosis.registry import RULES
from watchdog.diagnosis.rules.crash_loop import is_relieved, served
from watchdog.diagnosis.rules.memory_leak import is_far_and_untold
from watchdog.diagnosis.view import View
from watchdog.model.causes import HEALTHY
from watchdog.model.evidence import Evidence, Gap
from watchdog.model.evidence import Exit as Death
from watchdog.model.exits import Exit
from watchdog.model.finding import Diagnosis, Finding

LOOKS = 3
CALM = 6.0  # seconds: so long a server is watched before it counts as healthy
_JOB = jobs.PATIENCE + 3.0  # seconds of looking at a job that moves
GONE = 4.0  # seconds in which somebody may still start it again
RECENT = 60.0  # seconds of age
_ARRIVED = 0.2  # seconds after which a question is where it will wait


def diagnose(evidence: Evidence) -> Diagnosis:
    """What is wrong, or that nothing is."""
    view = View(evidence)
    with with_beside(evidence.installed), packages.counted_as_own(packages.own(evidence)):
        found, defects = _ask(view)
        if view.hung and all(one.cause == "unknown" for one in found) and (later := _of_the_question(evidence)):
            again, _ = _ask(View(later))
            if any(one.cause != "unknown" for one in again):
                view, found = View(later), again
        if view.hung and all(one.cause == "unknown" for one in found) and (assumed := seen_once.continued(evidence)):
            again, _ = _ask(View(assumed))
            view, found = View(assumed), [seen_once.guessed(one) for one in again]
    fitting = (_fitting(view, one) for one in tempered(view, found))
    findings = tuple(graded(view, rank(view, fitting)))
    verdict = findings[0].cause if findings else ("healthy" if view.answers_well else "unknown")
    return Diagnosis(
        verdict=verdict,
        findings=findings,
        advice=findings[0].advice if findings else "none",
        signature=signature(findings[0]) if findings else "",
        request=request(view, findings[0]) if findings else "",
        missing=(*defects, *(_gap(gap) for gap in evidence.gaps)),
    )


def _fitting(view: View, finding: Finding) -> Finding:
    """One stuck child whose master replaces it is ended alone: the jobs of the others go on."""
    pid = finding.culprit.pid if finding.culprit else None
    if view.unasked and finding.advice == "restart" and jobs.replaced_alone(view, pid):
        return replace(finding, instead="restart-worker")
    return finding


def _gap(gap: Gap) -> str:
    return f"{gap.collector}: {gap.reason}" + (f" ({gap.remedy})" if gap.remedy else "")


def _of_the_question(evidence: Evidence) -> Evidence | None:
    """Only what was seen while our question waited; None where that is all, or too little.

    What hangs already is seen in all looks. Where nothing did, and the pool is empty or the lock lost all the same, our
    question is the first victim: its thread was at its post in the first look.
    """
    begun = next((one.at for one in evidence.answers if one.verdict in ("pending", "timeout")), None)
    if begun is None:
        return None
    looks = tuple(look for look in evidence.looks if look.at >= begun + _ARRIVED)
    stacks = tuple(look for look in evidence.stacks if look.at >= begun + _ARRIVED)
    enough = len({look.at for look in looks}) >= LOOKS
    return replace(evidence, looks=looks, stacks=stacks) if enough and len(looks) < len(evidence.looks) else None


def _ask(view: View) -> tuple[list[Finding], list[str]]:
    """What each rule says. One that breaks must not cost the answer of the others."""
    found: list[Finding] = []
    defects: list[str] = []
    for rule in RULES:
        try:
            found += rule(view)
        except Exception as error:  # noqa: BLE001 - evidence of a broken server can be broken in ways nobody thought of
            defects.append(f"a defect in wd: {rule.__module__.rpartition('.')[2]}: {type(error).__name__}: {error}")
    return found, defects


def signature(finding: Finding) -> str:
    """The same text means the same trouble, over restarts and small edits of the file: no line numbers, no pids."""
    culprit = finding.culprit
    if culprit is None:
        return finding.cause
    return f"{finding.cause} {culprit.file.rpartition('/')[2]}:{culprit.function.rpartition('.')[2]}"


def request(view: View, finding: Finding) -> str:
    """What the guilty thread or task was asked; else the last that the access log names, if something is wrong."""
    culprit = finding.culprit
    if finding.cause in HEALTHY:
        return ""
    for look in view.tasks:
        for thread in view.threads_of(look.pid):
            named = dict(look.requests).get(thread.tid or 0)
            if culprit and named and (culprit.pid, culprit.thread) == (thread.pid, thread.name):
                return named
        for task in look.tasks:
            if culprit and task.request and any((f.file, f.line) == (culprit.file, culprit.line) for f in task.frames):
                return task.request
    if view.evidence.noted and (culprit is not None or view.hung):
        return view.evidence.noted[0]
    if culprit is None or not view.hung or not view.evidence.requests:
        return ""
    return f"{view.evidence.requests[-1]} (last in the access log)"


def settled(evidence: Evidence, diagnosis: Diagnosis) -> bool:
    """Whether more looking would change nothing."""
    rounds = len({look.at for look in evidence.looks}) if evidence.looks else len(evidence.memory)
    if not diagnosis.findings or rounds < LOOKS:
        return False
    first, looked = diagnosis.findings[0], evidence.memory[-1].at
    sure = first.certainty != "guess"
    if not any(look.process for look in evidence.looks):
        return looked >= GONE and sure  # nothing runs, and nothing has come up meanwhile
    if first.cause == "not-python":
        waiting = evidence.configured.port is not None and not evidence.listeners  # for its launcher to try again
        return looked >= CALM / 2 and not waiting
    if first.cause in HEALTHY:
        passing = _comes_and_goes(evidence)
        calm = CALM / 2 if passing or (first.cause == "healthy" and _rests(evidence)) else CALM
        return (
            looked >= calm
            and not (_failed_often(evidence) if passing else _suspicious(evidence))
            and (looked >= _JOB or not _undecided(evidence))
        )
    if first.cause == "host-starved":
        return False  # a fault of the server's own shows late on a machine that is slow
    if first.cause == "unknown" and not View(evidence).inside_unread:  # the next reading may show it
        return looked >= max(CALM, evidence.configured.limit + CALM / 2) and View(evidence).unasked
    # Beside a guess, a thread that computes may yet be seen to go round in a circle.
    hasty = not sure and looked < _JOB and _undecided(evidence)
    if first.warns and looked >= (CALM / 2 if sure else CALM) and not hasty:
        return True  # it names requests that have waited for too long already
    if diagnosis.exit == Exit.WARNING:
        return looked >= CALM and not hasty
    if looked >= evidence.configured.limit + CALM / 2 and sure:
        return True
    return sure and not is_early(View(evidence), first) and not may_be_explained(first)


def _undecided(evidence: Evidence) -> bool:
    view = View(evidence)
    loops = any(
        rounds.may_repeat(view, spin.thread, spin.frame, patient=spinning.is_needed(view, spin))
        for spin in spinning.spins(view)
    )
    return loops or (view.unasked and jobs.undecided(view)) or bool(jobs.waiting_below(view))


def _comes_and_goes(evidence: Evidence) -> bool:
    """Whether its work is seen to get on, child by child, though nobody can ask it."""
    view = View(evidence)
    return view.unasked and bool(view.relieved)


def _rests(evidence: Evidence) -> bool:
    """Whether every question was answered at once, nobody waits, and each thread waits for work: there is no more to
    see of such a server."""
    view = View(evidence)
    at_once = view.answers_well and all(answer.seconds <= _AT_ONCE for answer in view.answered)
    calls_seen = set(view.processes) <= {thread.pid for thread in view.python_threads}
    idle = all(thread.waits_for_work and thread.cpu <= _IDLE_CPU for thread in view.python_threads)
    return at_once and len(view.answered) >= _SEVERAL and calls_seen and idle and not view.waiting


_OFTEN = 3  # workers that ended: one alone may be the first of a crash loop
_RISES = 10.0  # seconds in which a variable that grows would have been read
_AT_ONCE, _SEVERAL = 0.2, 4  # seconds of an answer, answers
_IDLE_CPU = 0.1  # of a core, our own questions included


def _was_needed(view: View, end: Death) -> bool:
    """Whether what died during the looks may have served requests: a program that was started for one job may end."""
    members = view.evidence.tree.members if view.evidence.tree else ()
    found = {one.process.pid: one.process for one in members}  # some end before the first look
    process = (found | view.processes).get(end.pid or 0)
    if end.source != "watched" or process is None or served(view, end):
        return end.source == "watched"
    if process.forked and process.parent in view.evidence.python:  # a shell's child is forked too, until it is replaced
        return True
    return any(posts.is_pool_worker(one.frames) for one in view.threads_of(process.pid))


def _suspicious(evidence: Evidence) -> bool:
    """A healthy moment that may not last: memory that rises, or a young process whose forerunners left tracebacks."""
    points, view = evidence.memory, View(evidence)
    rises = points[-1].rss - points[0].rss >= max(2 << 20, points[0].rss // 100)
    if rises and not (points[-1].at >= _RISES and is_far_and_untold(view)):
        return True
    ended = [end for end in evidence.exits if _was_needed(view, end)]
    replaced = len(ended) >= _OFTEN and all(is_relieved(view, end) for end in ended)
    if len(evidence.looks) > 1 and ended and not replaced:
        return True
    return _failed_often(evidence)


def _failed_often(evidence: Evidence) -> bool:
    ages = [evidence.taken - look.process.started for look in evidence.looks[-len(evidence.python) or 1 :]]
    return min(ages, default=RECENT) < RECENT and len(logbook.all_tracebacks(evidence.logs)) >= 2
