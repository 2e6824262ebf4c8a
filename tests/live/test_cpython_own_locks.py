"""Locks of the application's own making: who has one and who waits for it, in each form in which code takes it."""

from __future__ import annotations

import pytest
from interpreters import NEEDS_RIGHT, interpreters, script
from support import SERVERS
from test_cpython_locks import by_thread, looked

from watchdog.diagnosis.locking import graph
from watchdog.model.evidence import OWN_LOCK, LockLook

pytestmark = NEEDS_RIGHT
NEW = {name: path for name, path in interpreters().items() if "3.10" not in name}
FORMS = ("managed", "itself", "side", "pair", "by_name")


def own(locks: LockLook) -> LockLook:
    kept = [tuple(one for one in points if one.kind == OWN_LOCK) for points in (locks.held, locks.wanted)]
    return LockLook(*kept)


@pytest.mark.parametrize("python", NEW.values(), ids=NEW.keys())
def test_a_reader_that_takes_the_lock_again_holds_and_wants_the_same_one(python: str) -> None:
    with script(python, "own_locks.py") as (process, _):
        locks = own(looked(process.pid))
        held, wanted = by_thread(locks.held), by_thread(locks.wanted)
        for form in FORMS:
            reader = f"{form}-reader"
            assert held[reader].lock == wanted[reader].lock == wanted[f"{form}-writer"].lock, form
            assert f"{form}-writer" not in held, form
        lines = (SERVERS / "own_locks.py").read_text().splitlines()
        assert lines[wanted["managed-reader"].frame.line - 1].strip() == "with gate.reading():"
        assert held["managed-reader"].frame.function == "managed"


@pytest.mark.parametrize("python", NEW.values(), ids=NEW.keys())
def test_who_opened_a_thing_and_waits_in_it_or_has_another_lock_has_not_this_one(python: str) -> None:
    with script(python, "own_locks.py") as (process, _):
        locks = own(looked(process.pid))
        held, wanted = by_thread(locks.held), by_thread(locks.wanted)
        assert "consumer-reader" not in held and "consumer-reader" not in wanted
        assert "other-reader" not in held and "other-reader" in wanted
        kept = tuple(
            tuple(one for one in points if one.thread.startswith(("consumer", "other")))
            for points in (locks.held, locks.wanted)
        )
        assert graph((LockLook(*kept),)).cycle() == ()
