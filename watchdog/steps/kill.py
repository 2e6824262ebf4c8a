"""`wd kill`: the plan, quick evidence, the ladder, the proof."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from watchdog.killing import family, ladder
from watchdog.killing.plan import in_words
from watchdog.model.errors import NothingMatched, Refused, WdError
from watchdog.model.exits import Exit
from watchdog.model.killing import KillPlan, KillResult
from watchdog.model.process import Listener, Member, Tree
from watchdog.policy import guards, target_lock
from watchdog.steps import agreement
from watchdog.steps.kill_plans import plans_of
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock, signals
from watchdog.system.freeze import Freezer
from watchdog.system.process import lineage, processes
from watchdog.system.shim import posts
from watchdog.targets import resolve
from watchdog.targets.scene import Scene
from watchdog.targets.unseen import refuse_unseen
from watchdog.text.shown import shown
from watchdog.text.units import counted, format_duration

_QUICK = 0.5  # seconds that quick evidence may take, and never more: the server is down for its users
_THOROUGH = 10.0
_TICKS = 2  # of the kernel's clock, that a process must be old
_REPLACED_WITHIN = 5.0  # seconds for a master to start another worker
_BETWEEN = 0.02  # seconds between two looks for a moment without requests
_SHARE = 0.8  # of a step's time limit that the ladder may use up
_OF_GRACE = 0.4  # of that, the grace; SIGKILL and the proof have the rest
_LIMIT = 65.0  # seconds beside grace and drain: enough for the longest SIGKILL and proof


def kill(context: Context, options: Mapping[str, Any]) -> StepResult:
    """End the selected servers. What seems to be well, or not to be meant, is ended only with a yes."""
    return end(context, options, ask_first=not options.get("worker"))


def end(context: Context, options: Mapping[str, Any], *, ask_first: bool = False) -> StepResult:
    """End the servers that are meant. Refused without a selector; where nothing matches, a runbook goes on."""
    if context.selector.empty and not (context.playbook and not context.playbook.find.empty):
        raise Refused(
            "nothing was selected",
            "an empty selector means nothing, never everything",
            "name a server: --port, --cmdline, --pid or --service",
        )
    with signals.rehearsal(context.dry_run), _guard(context, options) as freezer:
        return _end(context, options, ask_first, freezer)


@contextlib.contextmanager
def _guard(context: Context, options: Mapping[str, Any]) -> Iterator[Freezer | None]:
    """The guard that every SIGKILL needs: where that comes at once, it starts while the server is looked for."""
    freezer = Freezer() if options.get("force") and not context.dry_run else None
    try:
        yield freezer
    finally:
        if freezer is not None:
            freezer.close()


def _end(context: Context, options: Mapping[str, Any], ask_first: bool, freezer: Freezer | None) -> StepResult:
    trees = _targets(context, at_once=bool(options.get("force")) and context.yes and not context.dry_run)
    if not trees:
        return _nothing(context)
    if over := agreement.why_over(context, options):
        context.found.over = over
        told = f"nothing is ended: {over}"
        return StepResult("nothing", told, KillResult("nothing", message=told).record())
    if not options.get("worker"):
        trees = tuple(_whole(tree) for tree in trees)
    plans, refusals = plans_of(context, options, trees, ask_first and agreement.is_by_hand(context))
    if not refusals and not context.dry_run and ask_first:
        with target_lock.acquire(target_lock.keys(trees, context.playbook), "kill", context.playbook):
            pass  # who works on it already is named first; while a person thinks, nobody else has to wait
        refusals = agreement.not_agreed(context, options, plans)
    if refusals:
        return _refused(plans, refusals)
    if context.dry_run:
        return _planned(plans, agreement.doubts(context, options, plans) if ask_first else ())
    with (
        target_lock.acquire(target_lock.keys(trees, context.playbook), "kill", context.playbook),
        _limit(context, options),
    ):
        _keep_evidence(context, options, trees)
        _drain(context, trees, float(options.get("drain") or 0.0))
        result = _execute(context, plans, freezer)
    context.found.tree, context.found.killed = trees[0], result
    return _with_next(context, result, trees[0], _told(result))


def _targets(context: Context, at_once: bool) -> tuple[Tree, ...]:
    """Who is meant now; in a run that has looked before, only what is still left of those that it saw."""
    found = _looked(context, at_once)
    for sentence in found.left_out:
        context.say(f"left out: {sentence}")
    known = context.found.known
    trees = tuple(tree for tree in found.trees if any(not one.process.ended for one in tree.members))
    if known is None or not context.in_runbook:
        return trees
    same = tuple(tree for tree in trees if any(one.process.identity in known for one in tree.members))
    for tree in trees:
        if tree not in same:
            # Somebody else has replaced the server since: the new one has not been judged, and is not touched.
            context.say(f"pid {tree.root.pid} was started after the look at the server: it is left alone")
    return same


def _looked(context: Context, at_once: bool) -> resolve.Found:
    """A start time counts in hundredths of a second, and only a process older than that is distinguished by it.

    `at_once`: a person wants it ended whatever it is. Then a holder of the port that is far from all others is found
    when they are gone and the kernel still has the socket, and not before.
    """
    port = context.selector.port if at_once and agreement.is_by_hand(context) else None
    for _ in range(2):
        now = lineage.ticks_now()
        try:
            scene = Scene.look_for(port) if port else None
            found = resolve.look(context.selector, context.playbook, scene, context.started)
        except NothingMatched:
            return resolve.Found(())
        if all(now - one.process.identity.ticks >= _TICKS for tree in found.trees for one in tree.members):
            break
        clock.wait_until(lambda: False, 0.03)
    return found


def _whole(tree: Tree) -> Tree:
    """With what it forked and what has left its tree since."""
    more = family.escaped(tree, guards.ourselves())
    return replace(tree, members=(*tree.members, *(Member(one, "orphan") for one in more)))


def _nothing(context: Context) -> StepResult:
    """What cannot be seen is not gone: a runbook must not start a second copy beside another user's server."""
    port = context.selector.port or (context.playbook.find.port if context.playbook else None)
    refuse_unseen(port, "nothing was ended")
    message = f"nothing to end: no process matches {context.selector}; `wd ps` lists the servers"
    result = KillResult("nothing", message=message)
    return StepResult("nothing", message, result.record(), exit=Exit.FINE if context.in_runbook else Exit.NOTHING)


def _refused(plans: Sequence[KillPlan], refusals: Sequence[str]) -> StepResult:
    """Why none of the plans is carried out, and whom they are about."""
    result = KillResult("refused", message="; ".join(refusals))
    extra = [f"  refused: {shown(text)}" for text in refusals if not any(text in plan.refusals for plan in plans)]
    lines = [*(in_words(plan, refused=True) for plan in plans), *extra]
    return StepResult("refused", refusals[0], _shown(result, plans, refusals), text="\n".join(lines))


def _planned(plans: Sequence[KillPlan], doubts: Sequence[str]) -> StepResult:
    """What would be done, and what would be asked first."""
    message = f"would end {counted(sum(len(plan.doomed) for plan in plans), 'process')}"
    lines = [*map(in_words, plans), *(f"  asks first (or give --yes): {shown(doubt)}" for doubt in doubts)]
    data = {**_shown(KillResult("planned", message=message), plans, ()), "asks": list(doubts)}
    return StepResult("planned", message, data, text="\n".join(lines))


def _shown(result: KillResult, plans: Sequence[KillPlan], refusals: Sequence[str]) -> dict[str, Any]:
    return {**result.record(), "plans": [plan.record() for plan in plans], "refusals": list(refusals)}


def _execute(context: Context, plans: Sequence[KillPlan], freezer: Freezer | None) -> KillResult:
    """With the shim at its post before the first signal, if a later step starts the service again."""
    shim = None
    if context.will_start and context.playbook and not any(plan.worker for plan in plans):
        from watchdog.starting import launch

        trees = [plan.tree for plan in plans]
        doomed = [one.process.identity for plan in plans for one in plan.doomed]
        listeners: list[Listener] = [one for tree in trees for one in tree.listeners]
        shim = launch.arm(
            context.playbook.start,
            context.playbook.service,
            context.state,
            doomed,
            listeners,
            context.playbook.find.port,
            # Through the very manager that keeps it, never against it.
            next((plan.orders.start for plan in plans if plan.orders), ()),
            context.playbook.policy,
        )
        context.found.arm(shim)
    elif not any(plan.worker for plan in plans):
        _let_go_of_sockets(plans)
    try:
        ready = iter((freezer,))  # for the first one
        results = [ladder.execute(plan, context.say, _times(context), next(ready, None)) for plan in plans]
    except WdError:
        context.found.disarm()  # raised before the first signal only
        raise
    except BaseException:
        context.found.leave_alone()
        raise
    result = _merged(results)
    if shim and result.outcome not in ("done", "nothing"):
        context.found.disarm()  # never a second copy beside a survivor
    return result


def _let_go_of_sockets(plans: Sequence[KillPlan]) -> None:
    """Nothing starts it again in this run, so its shim must not, and callers are refused instead of kept waiting."""
    holding = posts.holding()
    for shim_pid in {plan.tree.root.parent for plan in plans} & holding:
        from watchdog.starting import launch

        launch.release(shim_pid)


@contextlib.contextmanager
def _limit(context: Context, options: Mapping[str, Any]) -> Iterator[None]:
    """The time for all servers together, where nobody has given one: it begins when there is nothing more to ask.

    One server has room for its drain, its whole grace, SIGKILL and the proof; several share what is left.
    """
    before = context.deadline
    if before is None:
        grace, drain = float(options.get("grace") or 0.0), float(options.get("drain") or 0.0)
        context.deadline = clock.monotonic() + _LIMIT + grace / (_SHARE * _OF_GRACE) + drain / (1 - _SHARE)
    try:
        yield
    finally:
        context.deadline = before


def _times(context: Context) -> ladder.Times:
    """The ladder must come to its end within the step's own limit: left behind, it would go on killing."""
    usual = ladder.Times()
    if context.deadline is None:
        return usual
    left = max(1.0, context.deadline - clock.monotonic()) * _SHARE
    rest = left * (1 - _OF_GRACE) / 2
    return replace(usual, grace=left * _OF_GRACE, finish=min(usual.finish, rest), ports=min(usual.ports, rest))


def _merged(results: Sequence[KillResult]) -> KillResult:
    if len(results) == 1:
        return results[0]
    order = ("failed", "refused", "done", "nothing")
    return KillResult(
        outcome=min((one.outcome for one in results), key=order.index),
        killed=tuple(ended for one in results for ended in one.killed),
        survivors=tuple(spared for one in results for spared in one.survivors),
        ports=tuple(sorted({port for one in results for port in one.ports})),
        seconds=sum(one.seconds for one in results),
        message="; ".join(one.message for one in results),
        plan=results[0].plan,
    )


def _keep_evidence(context: Context, options: Mapping[str, Any], trees: Sequence[Tree]) -> None:
    """The evidence dies with the process. In a thread, so that not even a collector that hangs can delay the kill."""
    if options.get("no_evidence") or context.found.snapshot or context.found.evidence:
        return
    thorough = bool(options.get("snapshot"))
    within = _THOROUGH if thorough else _QUICK
    logs = context.playbook.logs if context.playbook and thorough else ()

    from watchdog.evidence import snapshot

    def keep() -> None:
        from watchdog.evidence import gather  # here: its import is part of the time that evidence may take

        for tree in trees:
            evidence = None if thorough else gather.quick(tree, within * 0.6)
            folder = snapshot.free_folder(context.folder)
            context.found.snapshot = snapshot.take(tree, folder, logs, within, evidence)

    thread = threading.Thread(target=keep, daemon=True, name="wd-evidence")
    thread.start()
    thread.join(within)
    if thread.is_alive():
        context.say(f"the evidence took longer than {format_duration(within)}: what there is of it is kept")


def _drain(context: Context, trees: Sequence[Tree], seconds: float) -> None:
    """Wait for a moment between requests, for the step's own time at most; a server that is never idle ends after it.

    Only now, behind the evidence: what came in while that was taken wants its answer, too.
    """
    if context.deadline is not None:
        seconds = min(seconds, (context.deadline - clock.monotonic()) * (1 - _SHARE))
    left = [0]

    def idle() -> bool:
        from watchdog.targets.flight import in_flight

        left[0] = sum(in_flight(tree) for tree in trees)
        return not left[0]

    if seconds > 0 and not clock.wait_until(idle, seconds, _BETWEEN):
        told = f"{counted(left[0], 'request')} under way after {format_duration(seconds)}"
        context.say(f"{told}: not waited for any more")


def _with_next(context: Context, result: KillResult, tree: Tree, told: StepResult) -> StepResult:
    """With what the loop does now. Where none starts it again, what a person ends by hand stays ended."""
    if result.outcome != "done" or not agreement.is_by_hand(context) or _is_part(result):
        return told
    from watchdog.model.incident import Desired
    from watchdog.steps import afterwards

    service = afterwards.service_of(context, tree)
    what = afterwards.what_next(context, service)
    if what != "restarts" and service and context.journal and afterwards.is_expected(service, tree):
        wanted = Desired("stopped", clock.now(), by=context.trigger.by, why=f"killed: {context.trigger.detail}")
        context.journal.set_desired(service.service, wanted)
    words = afterwards.in_words(what, service)
    return replace(told, data={**told.data, "next": what}, text=f"{told.text or told.message}\n{words}")


def _is_part(result: KillResult) -> bool:
    return result.plan is not None and result.plan.worker is not None


def _told(result: KillResult) -> StepResult:
    data = result.record()
    message = result.message
    if result.outcome == "done" and result.plan is not None and result.plan.worker is not None:
        fresh = _replacement(result.plan)
        data["replacement"] = fresh
        message += f"; its master started pid {fresh} instead" if fresh else "; its master has not replaced it yet"
    return StepResult("ok" if result.outcome == "done" else result.outcome, message, data)


def _replacement(plan: KillPlan) -> int | None:
    """The worker that the master started instead."""
    master = plan.tree.root.parent
    known = {one.pid for one in plan.spared} | {one.process.pid for one in plan.doomed}
    fresh: list[int] = []

    def appeared() -> bool:
        rows = processes.thin_table().rows
        fresh[:] = [pid for pid, one in rows.items() if one.parent == master and pid not in known and not one.ended]
        return bool(fresh)

    clock.wait_until(appeared, _REPLACED_WITHIN, 0.05)
    return fresh[0] if fresh else None
