"""Who ends, by what signal when, and who is spared: decided before anything is touched, shown as it is done. Pure."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Mapping, Sequence

from watchdog.model.finding import Culprit
from watchdog.model.killing import Doomed, KillPlan, Ownership, Whom
from watchdog.model.process import LeftOut, Member, Process, Tree
from watchdog.policy import guards
from watchdog.policy.guards import Ourselves
from watchdog.system import signals
from watchdog.text.shown import joined, shown
from watchdog.text.units import counted


def make_plan(
    tree: Tree,
    *,
    reason: str,
    us: Ourselves,
    table: Mapping[int, Process],
    grace: float = 5.0,
    force: bool = False,
    refusals: Sequence[str] = (),
    allow_unsafe: bool = False,
    hung: bool = False,
    guilty: Culprit | None = None,
    owner: Ownership | None = None,
    whom: Whom | None = None,
) -> KillPlan:
    """The plan for one server. `table` names those who stand beside it: tracers, and parents of zombies.

    `reason` is the selector in words, `refusals` what was already found against it, `hung`: it is known not to work.
    `guilty` is a line without an end that keeps its main thread.
    `owner` is what the manager above it answered: a managed server without an answer is not ended.
    """
    owner = owner or _not_asked(tree)
    against = [*refusals, *guards.tree_refusals(tree, us, managed=owner.orders is not None)]
    doomed = tuple(Doomed(one.process, one.role, _note(one.process, table, force)) for one in tree.members)
    against += [] if force else _traced(tree.members, table)
    against += [owner.problem] if owner.problem else []
    return KillPlan(
        tree=tree,
        doomed=doomed,
        spared=tree.left_out,
        reason=reason,
        grace=grace,
        force=force,
        refusals=tuple(against),
        orders=owner.orders,
        ports=tree.ports,
        allow_unsafe=allow_unsafe,
        hung=hung,
        guilty=guilty,
        whom=whom,
    )


def make_worker_plan(
    tree: Tree,
    pid: int,
    *,
    reason: str,
    us: Ourselves,
    table: Mapping[int, Process],
    grace: float = 5.0,
    force: bool = False,
    allow_unsafe: bool = False,
) -> KillPlan:
    """The plan that ends one worker and what it started; its master lives and replaces it."""
    family = [one for one in tree.members if one.process.pid == pid or _descends(one.process, pid, tree)]
    against: list[str] = []
    worker = next((one.process for one in family if one.process.pid == pid), None)
    if worker is None:
        against.append(f"pid {pid} is not a process of this server")
    elif pid == tree.root.pid or worker.parent not in tree.pids:
        against.append(f"pid {pid} is not a worker: no master of this server stands above it to replace it")
    part = Tree(members=tuple(family) or tree.members[:1], service=tree.service, framework=tree.framework)
    against += guards.tree_refusals(part, us)
    against += [] if force else _traced(family, table)
    return KillPlan(
        tree=part,
        doomed=tuple(Doomed(one.process, one.role, _note(one.process, table, force)) for one in family),
        spared=tuple(
            LeftOut(one.process.pid, one.process.command, "only its worker is ended")
            for one in tree.members
            if one not in family
        ),
        reason=reason,
        grace=grace,
        force=force,
        refusals=tuple(against),
        allow_unsafe=allow_unsafe,
        worker=pid,
    )


def in_words(plan: KillPlan, *, refused: bool = False) -> str:
    """The plan as a person reads it. `refused`: it is not carried out, so only whom it is about is shown."""
    head = "nothing is ended" if refused else f"{counted(len(plan.doomed), 'process')} to end"
    lines = [f"{plan.reason}: {head}"]
    lines += [f"  refused: {refusal}" for refusal in plan.refusals]
    if plan.whom:
        from watchdog.killing import whom as whom_words

        lines.append(f"  {whom_words.in_words(plan.whom)}")
    for one in plan.doomed:
        note = f"  ({one.note})" if one.note else ""
        lines.append(f"  {one.process.pid:>7}  {one.role:<7} {one.process.shown(80)}{note}")
    lines += [] if refused else _ladder(plan)
    return joined(lines)


def _ladder(plan: KillPlan) -> list[str]:
    """What is done to them, by what it is proven, and who stands beside them."""
    if plan.through:
        lines = [f"  through its manager: {shlex.join(plan.through)}"]
    elif not signals.CAN_ASK:
        lines = ["  ended at once, without a grace: this system cannot ask a process to end"]
    elif plan.force:
        lines = ["  SIGKILL at once, then a sweep until two looks find nothing more"]
    else:
        lines = [f"  SIGTERM, {plan.grace:g} s of grace, then all that is left is frozen and gets SIGKILL"]
    if plan.ports:
        lines.append(f"  proof: all gone, and port {', '.join(map(str, plan.ports))} can be bound")
    return lines + [f"  spared: {one.pid} {shown(one.command, 80)}: {one.reason}" for one in plan.spared]


def _note(process: Process, table: Mapping[int, Process], force: bool) -> str:
    if process.ended:
        parent = table.get(process.parent)
        who = f"pid {process.parent} ({parent.name})" if parent else f"pid {process.parent}"
        return f"zombie: it has ended, and {who} does not take it away"
    notes = []
    if _is_traced(process):
        notes.append(f"traced by pid {process.tracer}")
    if process.state == "D":
        notes.append("waits in the kernel: it ends only when that lets it go")
    if not force and signals.CAN_ASK:
        if process.state == "T":
            notes.append("stopped: SIGTERM is followed by SIGCONT")
        if signal.SIGTERM in process.ignored:
            notes.append("ignores SIGTERM: SIGKILL follows without the full grace")
        elif signal.SIGTERM in process.blocked:
            notes.append("blocks SIGTERM")
    return "; ".join(notes)


def _is_traced(process: Process) -> bool:
    return process.tracer > 0 and not process.ended


def _traced(members: Sequence[Member], table: Mapping[int, Process]) -> list[str]:
    """A debugger that is itself part of the server ends with it; any other one is in the way."""
    inside = {one.process.pid for one in members}
    found = []
    for process in (one.process for one in members if _is_traced(one.process) and one.process.tracer not in inside):
        tracer = table.get(process.tracer)
        name = tracer.shown(40) if tracer else "a process that cannot be seen"
        found.append(
            f"pid {process.pid} is held by the debugger {name} (pid {process.tracer}): signals do not reach it, "
            "and once killed it stays until that one lets go; end the debugger first, or use --force"
        )
    return found


def _not_asked(tree: Tree) -> Ownership:
    managed = tree.manager is not None and tree.manager.kind != "wd"
    return Ownership(problem=f"its manager ({tree.manager}) was not asked" if managed else "")


def _descends(process: Process, pid: int, tree: Tree) -> bool:
    parents = {one.process.pid: one.process.parent for one in tree.members}
    here, seen = process.parent, set()
    while here in parents and here not in seen:
        if here == pid:
            return True
        seen.add(here)
        here = parents[here]
    return here == pid
