"""It is not a Python server: the outside can still be seen."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis.view import View
from watchdog.model.finding import Finding


def rule(view: View) -> Iterator[Finding]:
    tree = view.evidence.tree
    if tree is None or view.evidence.python or not view.processes:
        return
    root = view.processes.get(tree.root.pid) or next(iter(view.processes.values()))
    queue = max((listener.queue for _, listener in view.evidence.listeners[-4:]), default=0)
    peers = sorted({one.remote for one in view.upstreams})
    states = ", ".join(sorted({f"{one.name} {one.state}" for one in view.processes.values()}))
    answers = (
        "it answers" if view.answered else f"no answer for {view.waited:.1f} s" if view.hung else "it was not asked"
    )
    yield Finding(
        cause="not-python",
        certainty="guess",
        summary=f"{root.name} (pid {root.pid}) is not a Python server; {answers}; {queue} connections wait",
        instead="none" if not view.in_trouble else "call-a-person",
        peer=peers[0] if len(peers) == 1 else None,
        evidence=("threads.json", "sockets.json"),
        details=(
            f"states: {states}",
            f"threads: {sum(one.threads for one in view.processes.values())}",
            f"clients: {sum(one.state == 'ESTABLISHED' for one in view.clients)}",
            *(f"peer: {peer}" for peer in peers[:8]),
        ),
    )
