"""What a run on a host came to, from its result and its exit code. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from watchdog.model.causes import HEALTHY
from watchdog.model.exits import Exit

_FINE = (Exit.FINE, Exit.WARNING)


def came_to(ended: Mapping[str, Any]) -> dict[str, Any]:
    """`ended` is what the keeper has written down at the end of the run."""
    result, code = ended.get("result") or {}, ended.get("code")
    finding: Mapping[str, Any] = next(iter(result.get("findings") or ()), {})
    error = result.get("error") or {}
    text = ended.get("error") or result.get("message") or error.get("what") or "the run gave no result"
    spared = _was_spared(result, finding)
    return {
        "stage": "ok" if code in _FINE or spared else "failed",
        "outcome": "healthy" if spared else str(result.get("outcome") or "failed"),
        "text": str(text),
        "cause": _cause(finding),
        "incident": str(result.get("incident") or ""),
        "seconds": float(ended["ended"]) - float(ended["begun"]),
    }


def _was_spared(result: Mapping[str, Any], finding: Mapping[str, Any]) -> bool:
    """The run found the server healthy, and ends a healthy one only with a yes: on this host nothing was to be done."""
    last: Mapping[str, Any] = next(iter((result.get("steps") or ())[-1:]), {})
    careful = "--unless-healthy" in str(last.get("text")).split()
    return last.get("outcome") == "refused" and careful and finding.get("cause") in HEALTHY


def _cause(finding: Mapping[str, Any]) -> str:
    culprit = finding.get("culprit") or {}
    if finding.get("cause") in HEALTHY:
        return ""
    where = f"{culprit['file']}:{culprit['line']}" if culprit else ""
    return " at ".join(filter(None, (str(finding.get("cause") or ""), where)))
