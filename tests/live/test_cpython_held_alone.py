"""Tasks and threads that wait for what nobody else has, by the count of references in their interpreter's memory."""

from __future__ import annotations

import json

import pytest
from interpreters import NEEDS_RIGHT, interpreters, script

from watchdog.evidence.tasks import read_tasks

pytestmark = NEEDS_RIGHT
EACH = pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())


@EACH
def test_who_alone_has_what_it_waits_for_is_told_from_one_whose_sign_somebody_has(python: str) -> None:
    with script(python, "held_alone.py") as (process, line):
        look = read_tasks(process.pid, 0.0, 20.0)
    assert look.error is None
    told = {task.name: task.alone for task in look.tasks if task.name.startswith(("alone-", "held-"))}
    assert len(told) == 16
    threads = {name: tid for name, tid in json.loads(line).items() if name.startswith(("alone-", "held-"))}
    assert len(threads) == 8
    if look.version != "3.10":  # it does not keep the kernel's ids
        told |= {name: tid in look.alone for name, tid in threads.items()}
    assert not [name for name, alone in told.items() if alone and name.startswith("held-")]
    if look.version in ("3.10", "3.11", "3.12", "3.13"):
        assert not [name for name, alone in told.items() if not alone and name.startswith("alone-")]
