"""The plans of a kill: one for each server, and every reason why none of them is carried out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from watchdog.killing.plan import make_plan, make_worker_plan
from watchdog.model.errors import Refused
from watchdog.model.finding import Culprit
from watchdog.model.killing import KillPlan, Ownership, Whom
from watchdog.model.process import Tree
from watchdog.policy import guards
from watchdog.steps.spec import Context
from watchdog.system.process import processes
from watchdog.targets import resolve


def plans_of(
    context: Context, options: Mapping[str, Any], trees: Sequence[Tree], ask: bool
) -> tuple[tuple[KillPlan, ...], tuple[str, ...]]:
    """A plan for each server, and every reason why none of them will be carried out."""
    table = processes.one_by_one()  # of the tree's tracers and of parents that do not reap
    us = guards.ourselves(table)
    everything = bool(options.get("all"))
    most = context.playbook.policy.max_kills if context.playbook else guards.MOST
    against = [guards.count_refusals(trees, everything=everything, most=most, agreed=context.yes)]
    owners = [Ownership() if options.get("worker") else _owner(tree) for tree in trees]
    if context.will_start and context.playbook and not any(owner.orders or owner.problem for owner in owners):
        from watchdog.starting import launch

        problem = launch.check_command(context.playbook.start)
        against.append(f"nothing is ended that could not be started again: {problem}" if problem else "")
    shared: dict[str, Any] = {
        "reason": str(context.selector),
        "us": us,
        "table": table,
        "grace": float(options.get("grace", 5.0)),
        "force": bool(options.get("force")),
        "allow_unsafe": bool(options.get("allow_unsafe_kill")),
    }
    if options.get("worker"):
        pid = _worker_pid(context)
        around = [resolve.with_master(tree, pid) for tree in trees]
        plans = [make_worker_plan(tree, pid, **shared) for tree in around if pid in tree.pids or len(trees) == 1]
    else:
        hung, guilty = _is_known_to_hang(context), _guilty(context)
        plans = [
            make_plan(
                tree,
                refusals=[text for text in [_wrong(context, tree, everything)] if text],
                hung=hung,
                guilty=guilty,
                owner=owner,
                whom=_whom(context, tree, ask),
                **shared,
            )
            for tree, owner in zip(trees, owners, strict=True)
        ]
    refusals = [text for text in against if text] + [text for plan in plans for text in plan.refusals]
    return tuple(plans), tuple(dict.fromkeys(refusals))


def _whom(context: Context, tree: Tree, ask: bool) -> Whom | None:
    """Only a person reads it: a run that looks by itself has asked already."""
    if not ask:
        return None
    from watchdog.killing import whom

    return whom.look(tree, context.playbook.url if context.playbook else None, ask=not context.yes)


def _owner(tree: Tree) -> Ownership:
    if tree.manager is None:
        return Ownership()
    from watchdog.targets import ownership

    return ownership.ask(tree)


def _wrong(context: Context, tree: Tree, everything: bool) -> str:
    """What cannot be proven is refused, too: with --all a person says that it is the right one."""
    if context.playbook is None:
        return ""

    from watchdog.targets import expected

    wanted = expected.of(context.playbook)
    ours = any(one.process.identity in context.started for one in tree.members)  # whatever it calls itself
    right = ours or expected.is_run_by(tree, context.playbook) == "yes"
    return guards.wrong_program(tree, right, str(wanted), everything=everything)


def _worker_pid(context: Context) -> int:
    """The one worker that is meant: named by --pid, or by the diagnosis of this run."""
    if context.selector.pid:
        return context.selector.pid
    found = context.found.diagnosis
    pid = next((one.culprit.pid for one in found.findings if one.culprit and one.culprit.pid), None) if found else None
    if pid is None:
        raise Refused(
            "no worker was named",
            "Without --pid, only a diagnosis earlier in the same run names one.",
            "`wd why :PORT` shows which worker is stuck. Then: `wd kill --worker --pid N`",
        )
    return pid


def _guilty(context: Context) -> Culprit | None:
    """The line without an end that keeps its main thread, where this run has found one."""
    found = context.found.diagnosis
    return found.findings[0].culprit if found and found.findings and found.findings[0].no_end else None


def _is_known_to_hang(context: Context) -> bool:
    if context.trigger.kind == "probe" or context.selector.hung:
        return True
    found = context.found.diagnosis
    return found is not None and found.advice == "restart"
