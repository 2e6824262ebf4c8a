"""One at a time on one server, however it was named: by its port, a service of some home, a pid."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING

from watchdog.model.process import Tree
from watchdog.policy.lock_files import target_lock

if TYPE_CHECKING:
    from watchdog.model.playbook import Playbook

# One set for each thread and run: `restart` holds what its `kill` needs, another run of the same daemon does not.
_ours: ContextVar[frozenset[str]] = ContextVar("locked targets", default=frozenset())


def keys(trees: Iterable[Tree], playbook: Playbook | None = None) -> tuple[str, ...]:
    """The names of these servers on this machine: their ports; where they have none, their root."""
    found = {f"port:{port}" for tree in trees for port in tree.ports}
    found |= {f"pid:{tree.root.identity}" for tree in trees if not tree.ports}
    if playbook is not None:
        port = playbook.find.port
        found.add(f"port:{port}" if port else f"service:{playbook.path or playbook.service}")
    return tuple(sorted(found))


@contextlib.contextmanager
def acquire(wanted: Iterable[str], purpose: str, playbook: Playbook | None = None, wait: float = 0.0) -> Iterator[None]:
    """Lock these targets while the body runs. Refused, with the holder's name, if another wd works on one of them, and
    still does after `wait` seconds.
    """
    before = _ours.get()
    service = f" on {playbook.service}" if playbook else ""
    with contextlib.ExitStack() as stack:
        for key in sorted(set(wanted) - before):
            stack.enter_context(target_lock(key, f"{purpose}{service}", wait))
        token = _ours.set(before | frozenset(wanted))
        try:
            yield
        finally:
            _ours.reset(token)
