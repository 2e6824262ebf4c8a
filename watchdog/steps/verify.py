"""`wd verify`: back means proven back. N good answers in a row, from a process of the right, new tree."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import urlsplit

from watchdog.model.errors import Refused, WrongUsage
from watchdog.model.launching import VerifyResult
from watchdog.model.process import Tree
from watchdog.model.records import record
from watchdog.starting import readiness
from watchdog.starting.readiness import Answer, Question, StartedServer
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.system.clock import Deadline
from watchdog.system.net import http, ports
from watchdog.targets import protocols, resolve
from watchdog.text.units import format_duration

_QUICK, _BETWEEN = 0.05, 0.25  # seconds between two questions: until the row is complete, and after it
_KEPT = 50  # answers in the result


@record
class _Series:
    """The answers so far."""

    wanted: int
    row: int = 0  # good ones in a row
    back: float | None = None  # when the first of that row came, seconds since the epoch
    answers: list[Answer] = field(default_factory=list)
    problem: str = ""  # with the last one

    def take(self, answer: Answer, problem: str) -> None:
        self.answers.append(answer)
        self.problem = problem or answer.detail
        self.row = self.row + 1 if answer.ok and not problem else 0
        if self.row < 2:
            self.back = clock.now() if self.row else None

    @property
    def complete(self) -> bool:
        return self.row >= self.wanted


def verify(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Wait until it is ready, then for N good answers in a row; with `later` ask once more after that time."""
    question = _question(context, options)
    if context.dry_run:
        what = ", ".join(question.urls) or (f"port {question.port}" if question.port else "its process")
        return StepResult("planned", f"would ask {what} until {options.get('healthy', 3)} good answers come in a row")
    server = _started_server(context)
    within = float(options.get("within") or 60.0)
    if context.deadline is not None and context.in_runbook:
        within = max(0.1, min(within, context.deadline - clock.monotonic()))
    series = _Series(int(options.get("healthy") or 3))
    pid, problem = _watch(server, question, series, within, context.say)
    if not problem and (later := options.get("later")):
        context.say(f"healthy now; asking once more in {format_duration(float(later))}")
        server.dies_within(float(later), 1.0)
        pid, problem = _watch(server, question, _again(series), min(within, 30.0), context.say)
    result = _result(series, pid, problem, question)
    context.found.verified = result
    return StepResult("ok" if result.outcome == "done" else "failed", result.message, result.record())


def _question(context: Context, options: Mapping[str, Any]) -> Question:
    url, fallback = options.get("url"), options.get("fallback")
    if url:
        _must_be_an_address(url)
    if url or context.playbook:
        return readiness.question_of(context.playbook, url, fallback)
    if context.selector.empty:
        raise Refused("nothing was selected", "verify needs an address or a server", "say --url URL, or --service NAME")
    tree = _running(context)
    port = context.selector.port or (tree.ports[0] if tree and tree.ports else None)
    if port is None:
        return Question()
    spoken = protocols.of_tree(tree, port) if tree else protocols.HTTP
    if not protocols.is_web(spoken):
        return Question((), port, any_status=True)
    # Nobody said which page tells health: any answer that is not a server error is one.
    url = f"{spoken}://127.0.0.1:{port}/"
    speaks = http.ask(url, timeout=2.0, limit=4096).problem not in ("other", "tls", "certificate")
    return Question((url,) if speaks else (), port, any_status=True)


def _must_be_an_address(url: str) -> None:
    """WrongUsage at once: what cannot be asked would be asked in vain until the time is over."""
    try:
        parts = urlsplit(url)
        fine = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fine = False
    if not fine:
        raise WrongUsage(f"{url[:200]!r} is not an address", todo="Write it like http://127.0.0.1:8000/health.")


def _started_server(context: Context) -> StartedServer:
    found = context.found
    old = [one.process.identity for one in found.killed.plan.doomed] if found.killed and found.killed.plan else []
    if found.killed and found.killed.plan and found.killed.plan.worker:
        old = [one for one in old if one.pid == found.killed.plan.worker]
    identity = found.started.identity if found.started else None
    return StartedServer(identity, found.shim if found.started else None, old, context.playbook, context.state)


def _running(context: Context) -> Tree | None:
    trees = resolve.resolve(context.selector, context.playbook)
    return trees[0] if trees else None


def _watch(
    server: StartedServer, question: Question, series: _Series, within: float, say: Callable[[str], None]
) -> tuple[int | None, str]:
    """(pid of who answers, what went wrong; empty if all is proven)"""
    deadline, pid, told = Deadline(within), None, False
    while True:
        if hopeless := server.why_hopeless(question.port):
            return pid, hopeless
        answer = question.ask(max(0.1, deadline.left))
        owner, problem = server.why_not_the_owner(question.port) if answer.ok else (pid, "")
        pid = owner or pid
        series.take(answer, problem)
        if series.complete:
            # A start that fails does so in its first seconds: no proof before they are over.
            if server.age() >= readiness.STABLE:
                return pid, ""
            if not told:
                say(f"it is back: {_count(series.wanted)} in a row; watching whether it stays")
                told = True
        if deadline.over:
            return pid, _why_not(series, question)
        server.dies_within(min(_QUICK if 0 < series.row < series.wanted else _BETWEEN, deadline.left))


def _why_not(series: _Series, question: Question) -> str:
    if series.complete:
        return "it answers, and was not up for long enough to be sure"
    parts = [series.problem or "no good answer"]
    if question.port is not None and not any(one.holders for one in ports.listeners(question.port)):
        held = ports.why_not_bound(question.port)
        parts.append(held or f"nobody listens on port {question.port}")
    return "; ".join(dict.fromkeys(parts))


def _again(series: _Series) -> _Series:
    """One good answer more, in the same list."""
    return _Series(1, 0, None, series.answers)


def _result(series: _Series, pid: int | None, problem: str, question: Question) -> VerifyResult:
    answers = tuple(answer.record() for answer in series.answers[-_KEPT:])
    good = sum(answer.ok for answer in series.answers)
    if problem:
        return VerifyResult("failed", answers, pid, message=f"not proven ({_count(good)}): {problem}")
    slowest = max((answer.seconds for answer in series.answers if answer.ok), default=0.0)
    message = f"{_count(series.wanted)} in a row, the slowest in {format_duration(slowest)}"
    if not question.urls:
        what = "the port accepts connections" if question.port else "the process lives"
        message = f"{what}; that is weak proof: without an http probe a hang is not seen"
    return VerifyResult("done", answers, pid, series.back, message + (f" (pid {pid})" if pid else ""))


def _count(number: int) -> str:
    return f"{number} good answer{'' if number == 1 else 's'}"
