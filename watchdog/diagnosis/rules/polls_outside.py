"""A library asks again and again for something outside of the server: a lock in redis, a lock file, a peer.

Between two attempts it sleeps, so the kernel shows only a sleep. What it polls is the trouble, and it is there after a
restart as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from watchdog.diagnosis.code import at_place, package
from watchdog.diagnosis.tasks import suspended
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Frame
from watchdog.model.finding import Finding
from watchdog.model.records import record
from watchdog.text.units import format_duration

# Loops of libraries: where they stand, what they poll, what ends the wait, whether it is asked over the network.
_LOOPS = (
    (("redis/lock.py:acquire", "redis/asyncio/lock.py:acquire", "redis_lock/__init__.py:acquire"),
     "a lock that is kept in redis", "find who holds it (redis-cli GET and TTL of its name); it ends with its time to "
     "live, or when it is deleted", True),
    (("filelock/:acquire", "filelock/_api.py:acquire", "portalocker/utils.py:acquire", "zc/lockfile/:*",
      "fasteners/process_lock.py:acquire", "lockfile/:acquire"),
     "a lock file", "find who holds the lock file (fuser FILE, lslocks); a lock file that a dead process has left is "
     "removed by hand", False),
    (("kazoo/recipe/lock.py:*", "consul/base.py:*", "etcd3/locks.py:acquire"),
     "a lock of a coordination service", "find who holds it there; it ends with its session or lease", True),
    (("tenacity/nap.py:sleep", "tenacity/:__call__", "backoff/_sync.py:*", "retrying.py:call",
      "redis/retry.py:call_with_retry", "urllib3/util/retry.py:sleep", "kombu/utils/functional.py:retry_over_time"),
     "an attempt that fails again and again", "the attempts go on until the peer answers: look at what it asks for",
     True),
    (("selenium/webdriver/support/wait.py:until", "pymongo/topology.py:_select_servers_loop"),
     "a peer to become ready", "look at the peer", True),
)  # fmt: skip
PREVENT = (
    "Bound the attempts (a time-out at the call), answer with an error when it comes, and give every lock outside of "
    "the process a time to live, so that a dead holder does not keep it."
)


def rule(view: View) -> Iterator[Finding]:
    if not view.in_trouble:
        return
    for thread in view.stuck_threads:
        loop = polled(thread.work)
        if (
            loop is not None
            and thread.app_frame is not None
            and thread.wait.kind in ("sleep", "event", "socket", "poll")
        ):
            yield _finding(view, loop, thread.app_frame, thread)
            return
    for one in suspended(view):
        loop = polled(one.task.frames)
        if loop is not None:
            yield _finding(view, loop, one.app_frame, None, one.task.pid)
            return


@record(frozen=True)
class Loop:
    """What a library among the calls asks for again and again."""

    frame: Frame
    what: str
    remedy: str
    over_network: bool


def polled(frames: Iterable[Frame]) -> Loop | None:
    """What a library among these calls asks for again and again."""
    for frame in frames:
        for places, what, remedy, over_network in _LOOPS:
            if at_place(frame, places):
                return Loop(frame, what, remedy, over_network)
    return None


def _finding(view: View, loop: Loop, own: Frame, thread: ThreadView | None, pid: int | None = None) -> Finding:
    frame, what, remedy = loop.frame, loop.what, loop.remedy
    peers = {one.remote for one in view.upstreams if one.pid == (thread.pid if thread else pid)}
    peer = next(iter(peers)) if len(peers) == 1 and loop.over_network else None
    since = f" for {format_duration(thread.stuck)}" if thread else ""
    who = thread.label if thread else "a task"
    return Finding(
        cause="external-wait",
        certainty="certain",
        lasted=thread.stuck if thread else 0.0,
        summary=f"{who} waits{since} for {what}: {package(frame)} polls it from {short(own)}"
        f"{f' at {peer}' if peer else ''}",
        instead="call-a-person",
        culprit=view.culprit(own, thread),
        peer=peer,
        evidence=(thread.reference,) if thread else ("tasks.json",),
        prevent=PREVENT,
        details=(f"a restart changes nothing: {remedy}",),
    )
