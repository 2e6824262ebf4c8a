"""Whom a kill is about to end, and why a person should agree first."""

from __future__ import annotations

from watchdog.model.killing import Whom
from watchdog.model.process import Process, Tree
from watchdog.system import clock
from watchdog.targets import borders, programs, servers
from watchdog.targets.flight import in_flight
from watchdog.text.units import counted, format_duration

_WITHIN = 1.0  # seconds for its answer: what answers later does not answer well
_ANSWERS = {
    "healthy": "it answers well",
    "slow": "it answers slowly",
    "hung": f"it does not answer within {_WITHIN:g} s",
    "down": "it does not answer",
    "unknown": "no HTTP answer",
}


def look(tree: Tree, url: str | None, *, ask: bool) -> Whom:
    """With `ask` it sends one request. What does not run Python may not speak HTTP and gets none."""
    python = servers.runs_python(tree)
    root = tree.root
    return Whom(
        program=_program(root, python),
        title=root.command,
        user=root.user,
        age=max(0.0, clock.now() - root.started),
        answers=_answers(tree, url) if ask and (python or url) else "",
        requests=in_flight(tree),
        python=python,
        stands_for_others=any(borders.stands_for_others(one.process) for one in tree.members),
    )


def _answers(tree: Tree, url: str | None) -> str:
    from watchdog.targets import answering  # here: it imports HTTP

    return answering.ask(tree, _WITHIN, url)


def doubts(whom: Whom, *, configured: bool) -> tuple[str, ...]:
    """Why a person should agree before this is ended. `configured`: a playbook says that this program is meant."""
    found = []
    if whom.answers == "healthy":
        found.append(f"{whom.program} answers well")
    if whom.stands_for_others and not configured:
        found.append(f"{whom.program} is a proxy or a tunnel: the server behind it is another process")
    elif not whom.python and not configured:
        found.append(f"{whom.program} is not a Python server")
    return tuple(found)


def in_words(whom: Whom) -> str:
    """One line: program, user, age, what it answers, requests in progress."""
    busy = f", {counted(whom.requests, 'request')} in progress" if whom.requests else ""
    answers = f": {_ANSWERS.get(whom.answers, whom.answers)}" if whom.answers else ""
    return f"{whom.program} of user {whom.user}, {format_duration(whom.age)} old{answers}{busy}"


def _program(root: Process, python: bool) -> str:
    found = programs.program(root)
    return f"python {found.name}" if python and found.interpreter == "python" and not found.inline else found.name
