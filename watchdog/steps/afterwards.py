"""Which service was ended, and what the loop does about it now."""

from __future__ import annotations

from typing import Literal

from watchdog.model.playbook import Playbook
from watchdog.model.process import Tree
from watchdog.policy import lock_files
from watchdog.steps import port_playbooks
from watchdog.steps.spec import Context
from watchdog.targets import expected

Next = Literal["restarts", "stays-down", "no-loop"]


def service_of(context: Context, tree: Tree) -> Playbook | None:
    """The playbook of what was selected: the one that was named, else the one whose port and program these are."""
    if context.playbook is not None or context.home is None:
        return context.playbook
    return next((one for one in port_playbooks.naming(context, tree.ports) if is_expected(one, tree)), None)


def is_expected(playbook: Playbook, tree: Tree) -> bool:
    """Whether the program is the one that the playbook means."""
    return expected.is_run_by(tree, playbook) == "yes"


def what_next(context: Context, playbook: Playbook | None) -> Next:
    """Whether a loop watches the service now, and may start it again."""
    if playbook is None or context.journal is None:
        return "no-loop"
    if lock_files.loop_of(context.state, playbook.service) is None:
        return "no-loop"
    wanted = context.journal.desired(playbook.service).state == "running"
    starts = any(one.kind in ("death", "probe") for one in playbook.triggers)
    return "restarts" if wanted and starts and playbook.policy.mode == "act" else "stays-down"


def in_words(what: Next, playbook: Playbook | None) -> str:
    if playbook is None:
        return "No service of a playbook was ended: wd does not start it again."
    if what == "restarts":
        return f"The loop starts {playbook.service} again. To keep it down: `wd stop {playbook.service}`"
    why = "no loop watches it" if what == "no-loop" else "the loop leaves it alone"
    return f"{playbook.service} stays down ({why}) until `wd start {playbook.service}`"
