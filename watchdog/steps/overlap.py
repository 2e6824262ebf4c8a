"""A planned restart behind a held socket: the new server is proven before the old one ends, or the old one stays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from watchdog.killing import ladder
from watchdog.killing.plan import make_plan
from watchdog.model.killing import KillResult
from watchdog.model.launching import StartResult
from watchdog.model.playbook import Playbook
from watchdog.model.process import Identity, Tree
from watchdog.model.selector import Selector
from watchdog.policy import guards
from watchdog.starting import launch, readiness
from watchdog.starting.launch import Shim
from watchdog.starting.readiness import Question, StartedServer
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.system.clock import Deadline
from watchdog.system.net import accepted
from watchdog.system.process import processes
from watchdog.targets import resolve
from watchdog.text.units import format_duration

_GOOD = 3  # answers in a row
_PAUSE = 0.05  # seconds between two questions
_TAKEN_PAUSE = 0.01  # after a connection that the old server took
_ONE_QUESTION = 2.0  # seconds: a connection that the old server takes says nothing about the new one


def replaceable(context: Context, playbook: Playbook) -> Tree | None:
    """The running server, if a new one can be started beside it: our shim holds its socket, and it is asked by http."""
    if not playbook.start.listen or not accepted.CAN_TELL or not _question(playbook).urls:
        return None
    found = resolve.look(Selector(service=playbook.service), playbook, started=context.started).trees
    if len(found) != 1 or not launch.holds_sockets(found[0].root.parent):
        return None
    return found[0]


def start_beside(context: Context, playbook: Playbook, old: Tree, within: float) -> StepResult:
    """Start the new server, prove it, and end the old one. `context.found` gets what was started and ended."""
    going = [one.process.identity for one in old.members]
    shim = launch.arm(
        playbook.start, playbook.service, context.state, port=playbook.find.port, policy=playbook.policy, beside=going
    )
    context.say(f"starting a new {playbook.service} beside pid {old.root.pid}: {' '.join(playbook.start.command)}")
    begun = shim.start()
    if begun.outcome != "done" or begun.identity is None:
        shim.cancel()
        return _failed(begun, f"pid {old.root.pid} goes on: {begun.message}")
    try:
        return _take_over(context, playbook, old, shim, begun, within)
    except BaseException:
        shim.leave_alone()  # the old shim is on duty again, also where wd itself goes on, as the loop does
        raise


def _take_over(
    context: Context, playbook: Playbook, old: Tree, shim: Shim, begun: StartResult, within: float
) -> StepResult:
    began, going = clock.monotonic(), [one.process.identity for one in old.members]
    assert begun.identity is not None
    server = StartedServer(begun.identity, shim, going, playbook, context.state)
    if problem := _why_not_proven(server, _question(playbook), within):
        shim.leave_alone()  # it ends the new server, and the old shim is on duty again
        new = begun.identity
        clock.wait_until(lambda: not processes.is_alive(new), within)
        return _failed(begun, f"the new server was not ready, so pid {old.root.pid} goes on: {problem}")
    ready = begun.seconds + clock.monotonic() - began
    context.say(f"pid {begun.pid} answers; now pid {old.root.pid} ends")
    context.found.killed = _end(context, old, begun.identity)
    shim.done()
    context.found.shim = shim
    message = f"ready after {format_duration(ready)}, beside pid {old.root.pid}"
    context.found.started = replace(begun, ready=True, seconds=ready, message=message)
    if context.found.killed.outcome not in ("done", "nothing"):
        return _failed(begun, f"the new server is ready; the old one has not ended: {context.found.killed.message}")
    return StepResult("ok", f"pid {begun.pid} is {message}", context.found.started.record())


def _question(playbook: Playbook) -> Question:
    """Plain http on the service's own port only: there it can be told which process takes the connection."""
    found = readiness.question_of(playbook)
    own = f"http://127.0.0.1:{playbook.find.port}/"
    return replace(found, urls=tuple(url for url in found.urls if url.startswith(own)))


def _why_not_proven(server: StartedServer, question: Question, within: float) -> str:
    """Empty when the new server itself has given enough good answers in a row."""
    deadline, row, last = Deadline(within), 0, "it does not answer"
    by_the_new = accepted.only_by(lambda: _family(server.current))
    while not deadline.over:
        if death := server.why_hopeless(None):
            return death
        answer = question.ask(min(max(_ONE_QUESTION, question.limit), max(0.1, deadline.left)), by_the_new)
        if not answer.elsewhere:  # where both accept, the old server may take most connections
            row, last = (row + 1, last) if answer.ok else (0, answer.detail)
        if row >= _GOOD and not server.owes_ready:
            return ""
        server.dies_within(_PAUSE if not answer.elsewhere else _TAKEN_PAUSE)
    return f"not ready within {within:g} s: {server.owes_ready if row >= _GOOD else last}"


def _family(identity: Identity | None) -> Collection[int]:
    if identity is None or not processes.is_alive(identity):
        return ()
    return {identity.pid, *processes.descendants(processes.table(), identity.pid)}


def _end(context: Context, old: Tree, new: Identity) -> KillResult:
    """The old server alone: the new one has the same listening socket, and is not part of it."""
    stays = _family(new)
    members = tuple(one for one in old.members if one.process.pid not in stays)
    table = processes.table()
    tree = replace(old, members=members, listeners=())
    plan = make_plan(tree, reason="a new server has taken its place", us=guards.ourselves(table), table=table)
    return ladder.execute(plan, context.say)


def _failed(begun: StartResult, message: str) -> StepResult:
    return StepResult("failed", message, replace(begun, outcome="failed", message=message).record())
