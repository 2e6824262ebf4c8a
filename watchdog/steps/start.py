"""`wd start`, `wd stop` and `wd restart`: the service's own way, detached from wd."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from watchdog.killing import ladder
from watchdog.killing.plan import make_plan
from watchdog.model.errors import Failed, Refused, WdError, WrongUsage
from watchdog.model.incident import Desired, Restart
from watchdog.model.launching import StartResult
from watchdog.model.playbook import Playbook
from watchdog.model.process import Tree
from watchdog.model.selector import Selector
from watchdog.policy import guards, target_lock
from watchdog.starting import launch, readiness
from watchdog.starting.launch import Shim
from watchdog.starting.readiness import StartedServer
from watchdog.steps.kill import end
from watchdog.steps.spec import Context, StepResult
from watchdog.steps.verify import verify
from watchdog.system import clock
from watchdog.system.clock import Deadline
from watchdog.system.net import http
from watchdog.system.process import processes
from watchdog.targets import answering, expected, resolve
from watchdog.text.shown import shown
from watchdog.text.units import format_duration

Step = Callable[[Context, Mapping[str, Any]], StepResult]

_WORTH_SAYING = 0.1  # seconds of watching
_PAUSE = 0.05  # seconds between two looks at a server that is starting


def start(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Start the service and wait until it is ready. One that runs and answers needs nothing: that is said, and fine."""
    playbook = _playbook(context)
    if context.dry_run:
        return StepResult("planned", f"would start {playbook.service}: {_in_words(playbook)}")
    with target_lock.acquire(target_lock.keys((), playbook), "start", context.playbook):
        if _could_run(context, playbook) and (already := _already(context, playbook, options)) is not None:
            return already
        shim = context.found.take_armed() or _armed(context, playbook)
        context.found.shim = shim
        try:
            result = _come_up(context, playbook, shim, _within(context, playbook, options))
        except WdError:
            shim.cancel()
            raise
        shim.done()
        if result.outcome == "refused" and (already := _already(context, playbook, options)) is not None:
            return already  # another wd, or a shim of one that died, was faster
    context.found.started = result
    if result.outcome == "done":
        _remember(context, playbook)
    return _told(result)


def stop(context: Context, options: Mapping[str, Any]) -> StepResult:
    """End the service and leave it ended: the loop neither undoes it nor counts it as a death."""
    playbook = _playbook(context)
    began = clock.monotonic()
    journal = None if context.dry_run else context.journal
    before = journal.desired(playbook.service) if journal else None
    if journal:
        # First of all: the loop must not see a death before it hears that a person wanted it.
        wanted = Desired("stopped", clock.now(), by=context.trigger.by, why=context.trigger.detail)
        journal.set_desired(playbook.service, wanted)
    ended: StepResult | None = None
    try:
        ended = end(replace(context, selector=Selector(service=playbook.service)), options)
    finally:
        if journal and before and (ended is None or ended.outcome == "refused"):
            journal.set_desired(playbook.service, before)  # nothing was touched: it is looked after as it was
    data = {
        "outcome": ended.data["outcome"],
        "pid": None,
        "ready": False,
        "seconds": round(clock.monotonic() - began, 3),
    }
    if ended.outcome == "nothing":
        return StepResult("ok", f"{playbook.service} does not run: nothing to do", data)
    return replace(ended, data={**ended.data, **data})


def restart(context: Context, options: Mapping[str, Any]) -> StepResult:
    """End it, start it, prove it: the three steps in one, with the shim over the stretch in between."""
    playbook = _playbook(context)
    began, before = clock.monotonic(), context.will_start
    context.selector = replace(context.selector, service=playbook.service)
    context.will_start = True
    steps: dict[str, Mapping[str, Any]] = {}
    plan: list[str] = []
    try:
        with target_lock.acquire(target_lock.keys((), playbook), "restart", context.playbook):
            for name, step in _steps_of_restart(context, playbook):
                found = step(context, options)
                steps[name] = found.data
                plan.append(found.text or shown(found.message))
                if found.outcome not in ("ok", "warning", "planned", "nothing"):
                    break
    finally:
        context.will_start = before
    started, killed = context.found.started, context.found.killed
    if killed is not None:  # behind a held socket the start ends the old server
        steps.setdefault("kill", killed.record())
    data = {
        "outcome": "done" if found.outcome == "ok" else found.data.get("outcome", found.outcome),
        "pid": started.pid if started else None,
        "ready": bool(started and started.ready),
        "seconds": round(clock.monotonic() - began, 3),
        **steps,
    }
    text = "\n".join(plan) if context.dry_run else found.text
    return replace(found, data=data, message=f"{name}: {found.message}", text=text)


def _steps_of_restart(context: Context, playbook: Playbook) -> tuple[tuple[str, Step], ...]:
    """Behind a held socket the new server comes up beside the old one; else the port has to be free first."""
    from watchdog.steps import overlap

    old = None if context.dry_run else overlap.replaceable(context, playbook)
    if old is None:
        return ("kill", end), ("start", start), ("verify", verify)

    def beside(context: Context, options: Mapping[str, Any]) -> StepResult:
        found = overlap.start_beside(context, playbook, old, _within(context, playbook, options))
        if context.found.started is not None:
            _remember(context, playbook)
        return found

    return ("start", beside), ("verify", verify)


def _playbook(context: Context) -> Playbook:
    if context.playbook is None:
        raise WrongUsage("no service was named", todo="Name one: --service NAME")
    return context.playbook


def _in_words(playbook: Playbook) -> str:
    return playbook.start.through or " ".join(playbook.start.command)


def _within(context: Context, playbook: Playbook, options: Mapping[str, Any]) -> float:
    within = float(options.get("within") or playbook.start.ready.within)
    return within if context.deadline is None else max(0.1, min(within, context.deadline - clock.monotonic()))


def _could_run(context: Context, playbook: Playbook) -> bool:
    """Whether to look for a running copy first. Not when a kill of this run has just ended all that there were.

    After a death that the loop has seen, each moment counts, and the port itself stands against a second copy.
    """
    if context.found.armed is not None:
        return False
    return context.found.arming is None or playbook.find.port is None


def _already(context: Context, playbook: Playbook, options: Mapping[str, Any]) -> StepResult | None:
    """What to say when it runs; None if it does not. Waits for one that is young: it may still be starting."""
    while found := _running(context, playbook):
        _refuse_several(playbook, found)
        tree = found[0]
        _refuse_what_cannot_be_ours(playbook, tree)
        told = answering.ask(tree, url=playbook.url)
        age = clock.now() - tree.root.started
        young = age < _within(context, playbook, options)
        mute = not playbook.url and not tree.listeners  # it answers nobody: it lives, and that is all there is to see
        if told in ("healthy", "slow") or (told == "unknown" and (mute or not young)):
            message = "it runs already: nothing to do"
            result = StartResult("nothing", tree.root.pid, True, 0.0, message, tree.root.identity)
            return StepResult("ok", f"{playbook.service} runs already as pid {tree.root.pid}", result.record())
        if not young:
            raise Refused(
                f"{playbook.service} was not started",
                f"it runs as pid {tree.root.pid} and does not answer ({told})",
                f"Look at it: `wd why {playbook.service}`. Or restart it: `wd restart {playbook.service}`",
            )
        clock.wait_until(lambda: False, 0.3)
    return None


def _running(context: Context, playbook: Playbook) -> list[Tree]:
    selector = Selector(service=playbook.service)
    return [tree for tree in resolve.resolve(selector, playbook, context.started) if _lives(tree)]


def _refuse_several(playbook: Playbook, found: Sequence[Tree]) -> None:
    """Two applications that `find.cmdline` means alike: nobody can tell which of them is this service."""
    if told := expected.what_differs(found):
        raise Refused(
            f"{playbook.service} was not started",
            f"{len(found)} programs that run match {' '.join(playbook.find.cmdline)!r}: {told}",
        )


def _refuse_what_cannot_be_ours(playbook: Playbook, tree: Tree) -> None:
    """Another program on the port; or the service itself on another port than the playbook says."""
    port = playbook.find.port
    if port in tree.ports and expected.is_run_by(tree, playbook) == "no":
        raise Refused(
            f"{playbook.service} was not started",
            f"port {port} is held by another program: pid {tree.root.pid} ({tree.root.shown(80)})",
            f"If that one may go, end it first: `wd kill --port {port} --all`",
        )
    if port and tree.ports and port not in tree.ports:
        listed = ", ".join(map(str, tree.ports))
        raise Refused(
            f"{playbook.service} was not started",
            f"it runs already as pid {tree.root.pid}, and listens on port {listed}; the playbook says {port}",
            f"Correct find.port or start.command, then: `wd restart {playbook.service}`",
        )


def _lives(tree: Tree) -> bool:
    return any(not one.process.ended for one in tree.members)


def _armed(context: Context, playbook: Playbook) -> Shim:
    if problem := launch.check_command(playbook.start):
        raise Failed(
            f"{playbook.service} cannot be started", problem, "Correct the playbook, then: `wd validate --here`"
        )
    return launch.arm(playbook.start, playbook.service, context.state, port=playbook.find.port, policy=playbook.policy)


def _come_up(context: Context, playbook: Playbook, shim: Shim, within: float) -> StartResult:
    """The command, and the fallback where the first does not come up."""
    began = clock.monotonic()
    context.say(f"starting {playbook.service}: {_in_words(playbook)}")
    result = _attempt(context, playbook, shim, within)
    if result.outcome == "failed" and playbook.start.fallback:
        context.say(f"{result.message}; trying the fallback: {' '.join(playbook.start.fallback)}")
        if problem := _clear_away(context, result):
            result = replace(result, message=f"{result.message}; no fallback was started: {problem}")
        else:
            second = _attempt(context, playbook, shim, within, fallback=True)
            told = f"by the fallback: {second.message}; before it: {result.message}"
            result = replace(second, message=told, by_fallback=True)
    return replace(result, seconds=clock.monotonic() - began)


def _attempt(context: Context, playbook: Playbook, shim: Shim, within: float, *, fallback: bool = False) -> StartResult:
    """Start once, and wait until it is ready, has died, or the time is over."""
    begun = shim.start(fallback)
    if begun.outcome != "done":
        return begun
    killed = context.found.killed
    old = [one.process.identity for one in killed.plan.doomed] if killed and killed.plan else []
    server = StartedServer(begun.identity, shim, old, playbook, context.state)
    question = readiness.question_of(playbook)
    deadline, answer, well_after = Deadline(within), None, None
    while not deadline.over:
        if hopeless := server.why_hopeless(question.port):
            return replace(begun, outcome="failed", message=hopeless)
        # A server that is asked again before a slow answer is out has one question more to work off.
        answer = question.ask(min(max(2.0, question.limit), max(0.1, deadline.left)))
        server = server.known_by(question.port) if answer.ok else server
        well = answer.ok and not server.why_not_the_owner(question.port)[1] and not server.owes_ready
        well_after = (well_after or within - deadline.left) if well else None
        if well_after is not None and _is_stable(context, server, question):
            watched = within - deadline.left - well_after
            message = f"ready after {format_duration(well_after)}"
            message += f", then watched for {format_duration(watched)}" if watched >= _WORTH_SAYING else ""
            _warm_up(context, playbook, deadline.left)
            identity = server.current
            return replace(
                begun, ready=True, identity=identity, pid=identity.pid if identity else None, message=message
            )
        server.dies_within(_PAUSE)
    _, problem = server.why_not_the_owner(question.port)
    why = problem or (answer.detail if answer else "") or server.owes_ready or "it does not answer"
    parts = (f"not ready within {within:g} s: {why}", server.left_running(question.port))
    return replace(begun, outcome="failed", message="; ".join(filter(None, parts)))


def _warm_up(context: Context, playbook: Playbook, within: float) -> None:
    """One request for the server's own good; what it answers does not matter."""
    url = readiness.full_url(playbook.start.ready.warm_up, playbook.find.port)
    if url:
        context.say(f"warming up: {url}")
        http.ask(url, timeout=max(1.0, within))


def _is_stable(context: Context, server: StartedServer, question: readiness.Question) -> bool:
    """Many a server dies just after it began to listen. In a run, `verify` waits for that; alone, nobody else does.

    Where there is nothing to ask, its own READY=1 is the best sign that there is.
    """
    if not (question.urls or question.port) and server.said_ready:
        return True
    if context.in_runbook or context.will_start:
        return bool(question.urls or question.port) or server.age() >= readiness.STABLE
    return server.age() >= readiness.STABLE


def _clear_away(context: Context, failed: StartResult) -> str:
    """End what the first command left, so that the fallback finds its port free. Empty, or why that failed."""
    if failed.identity is None or not processes.is_alive(failed.identity):
        return ""
    table = processes.table()
    found = resolve.resolve(Selector(identities=(failed.identity,)))
    for tree in found:
        plan = make_plan(tree, reason="it did not come up", us=guards.ourselves(table), table=table, hung=True)
        result = ladder.execute(plan, context.say)
        if result.outcome != "done":
            return result.message
    return ""


def _remember(context: Context, playbook: Playbook) -> None:
    if context.journal is None:
        return
    by_hand = context.trigger.kind == "person"
    signature = context.found.diagnosis.signature if context.found.diagnosis else ""
    context.journal.record_restart(
        Restart(playbook.service, clock.now(), not by_hand, context.incident or "", signature)
    )
    if by_hand:
        context.journal.set_desired(playbook.service, Desired("running", clock.now(), by=context.trigger.by))


def _told(result: StartResult) -> StepResult:
    if result.outcome == "done":
        return StepResult("ok", f"pid {result.pid} is {result.message}", result.record())
    if result.outcome == "refused":
        return StepResult("refused", f"not started: {result.message}", result.record())
    return StepResult("failed", f"not started: {result.message}", result.record())
