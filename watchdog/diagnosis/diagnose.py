"""Evidence in, findings out, strongest first. Pure: no clock, no file, no process."""

from __future__ import annotations

from watchdog.diagnosis.registry import RULES
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Evidence
from watchdog.model.finding import HEALTHY, Diagnosis, Finding

SURE = 0.9


def diagnose(evidence: Evidence) -> Diagnosis:
    """What is wrong, or that nothing is."""
    view = View(evidence)
    found = [finding for rule in RULES for finding in rule(view)]
    findings = rank(found)
    verdict = findings[0].cause if findings else ("healthy" if view.answers_well else "unknown")
    return Diagnosis(
        verdict=verdict,
        findings=findings,
        advice=findings[0].advice if findings else "none",
        signature=signature(findings[0]) if findings else "",
        missing=tuple(
            f"{gap.collector}: {gap.reason}" + (f" ({gap.remedy})" if gap.remedy else "") for gap in evidence.gaps
        ),
    )


def rank(findings: list[Finding]) -> tuple[Finding, ...]:
    """By confidence; what is said of a healthy server comes after every trouble."""
    return tuple(sorted(findings, key=lambda one: (one.cause in HEALTHY, -one.confidence)))


def signature(finding: Finding) -> str:
    """The same text means the same trouble, over restarts and small edits of the file: no line numbers, no pids."""
    culprit = finding.culprit
    if culprit is None:
        return finding.cause
    return f"{finding.cause} {culprit.file.rpartition('/')[2]}:{culprit.function.rpartition('.')[2]}"


def settled(evidence: Evidence, diagnosis: Diagnosis) -> bool:
    """Whether more looking would change nothing."""
    if not diagnosis.findings:
        return False
    return diagnosis.findings[0].confidence >= SURE and len(evidence.memory) >= 3
