"""CPU, memory, P95 and error rate against targets; each warning with what to do about it. Pure."""

from __future__ import annotations

from watchdog.model.records import record
from watchdog.text.units import format_duration
from watchdog.workers.access_log import Answers


@record(frozen=True)
class Targets:
    """What is still good."""

    cpu: float = 0.8  # of all CPUs
    memory: float = 0.8
    memory_full: float = 0.9
    p95: float = 30.0  # seconds
    errors: float = 0.01


@record(frozen=True)
class Indicator:
    """One figure and how it stands. `action` is empty where all is well."""

    name: str
    value: float | None  # None: it could not be had
    target: str
    shown: str
    action: str = ""
    critical: bool = False


def judge(
    cpu: float | None, memory: float | None, answers: Answers | None, targets: Targets, server: str
) -> tuple[Indicator, ...]:
    """Every figure that can be judged; shares are of 1. `server`: how a command names it, as ":8000"."""
    found = [
        Indicator(
            "CPU", cpu, f"below {targets.cpu:.0%}", _share(cpu),
            f"find what computes: `wd why {server}`; move it out of the request" if _over(cpu, targets.cpu) else "",
        ),
        Indicator(
            "memory", memory, f"below {targets.memory:.0%}", _share(memory),
            _memory_action(memory, targets, server), _over(memory, targets.memory_full),
        ),
    ]  # fmt: skip
    if answers is None:
        return tuple(found)
    p95 = answers.quantile(0.95)
    shown = format_duration(p95) if p95 is not None else "the log has no times"
    slow = f"find what the slowest answers wait for: `wd why {server}` while they run"
    action = slow if _over(p95, targets.p95) else ""
    found.append(Indicator("P95", p95, f"within {format_duration(targets.p95)}", shown, action))
    rate = answers.error_rate
    failed = f"{rate:.2%} ({answers.errors} of {answers.total})"
    found.append(
        Indicator("errors", rate, f"below {targets.errors:.0%}", failed, _error_action(answers, targets, server))
    )
    if answers.oom_kills:
        action = "fewer workers, at once: the kernel ends them for memory"
        found.append(Indicator("OOM kills", answers.oom_kills, "none", str(answers.oom_kills), action, critical=True))
    return tuple(found)


def _memory_action(memory: float | None, targets: Targets, server: str) -> str:
    if _over(memory, targets.memory_full):
        return "fewer workers: little is missing to an OOM kill"
    return f"no more workers; watch it: `wd leak watch {server}`" if _over(memory, targets.memory) else ""


def _error_action(answers: Answers, targets: Targets, server: str) -> str:
    if answers.error_rate <= targets.errors:
        return ""
    if answers.unavailable * 2 > answers.errors:
        return "503: nobody was free; fewer workers where memory is short, else more, or a longer time-out"
    return f"read the log's last errors: `wd why {server}`"


def _over(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _share(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.0%}"
