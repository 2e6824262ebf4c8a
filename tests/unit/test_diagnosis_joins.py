"""Who holds a lock and waits for those that want it: greenlets, which have no future to tell for whom they wait."""

from __future__ import annotations

from dataclasses import replace

import pytest
from canned import APP, PID, SITE, Thread, evidence, frame, point, upstream

from watchdog.diagnosis.diagnose import diagnose
from watchdog.model.evidence import Task

HUB = Thread("MainThread", (f"run {SITE}/gevent/hub.py:647",), call="epoll_wait", moves=True)
CLIENT = replace(upstream(), served=True, received=80, sent=0, received_ago=30.0, sent_ago=30.0)
HANDLES = f"handle {SITE}/gevent/pywsgi.py:1704"


@pytest.mark.parametrize(("waits", "cause"), [("gevent.joinall(jobs)", "lock-deadlock"), ("news.wait_for(jobs)", "")])
def test_a_greenlet_that_joins_others_under_their_lock_is_in_a_deadlock(waits: str, cause: str) -> None:
    source = f"def all():\n    with key:\n        {waits}\ndef weigh():\n    with key:\n        pass"
    joins = Task(
        PID, 1, "all", (frame(HANDLES), frame(f"all {APP}:3")), gathered=(2,), request="GET /all", greenlet=True
    )
    weighs = Task(PID, 2, "weigh", (frame(f"weigh {APP}:5"),), greenlet=True)
    held = replace(point("", "key", f"all {APP}:2", task="all"), kind="greenlet.Semaphore")
    wanted = replace(point("", "key", f"weigh {APP}:5", task="weigh"), kind="greenlet.Semaphore")
    seen = evidence(HUB, source=source, health="well", connections=[CLIENT], tasks=[joins, weighs], held=[held],
                    wanted=[wanted])  # fmt: skip
    causes = [one.cause for one in diagnose(seen).findings]
    assert ("lock-deadlock" in causes) == bool(cause), causes
