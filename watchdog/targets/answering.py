"""One quick question to a server: does it answer?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from watchdog.model.process import Listener, Tree, Verdict
from watchdog.system import clock
from watchdog.system.net import grpc_health, http
from watchdog.targets import addresses, protocols
from watchdog.targets.frameworks import speaks_http
from watchdog.targets.servers import runs_python

SLOW = 1.0  # seconds after which an answer counts as slow
TIMEOUT = 2.0  # seconds for the whole question, for a look
PATIENT = 5.5  # the same where the answer may cost the server its life: many a healthy one needs four or five
_PORTS = 4  # of one server that are asked
_THREADS = 64
_BODY = 4096  # bytes of an answer that are read
_SLACK = 2.0  # seconds by which a busy machine may delay the threads that ask
_ENOUGH = 0.5  # seconds that a further question must have left to count as unanswered


def ask(tree: Tree, timeout: float = TIMEOUT, url: str | None = None) -> Verdict:
    """Whether it answers over HTTP on loopback (or at `url`) within so many seconds in total.

    Any status is a sign of life, more than a second is slow. "unknown": it does not seem to speak HTTP, or could not be
    asked for a reason of our own.
    """
    if not tree.members or all(member.process.ended for member in tree.members):
        return "down"
    serving = [member.process for member in tree.members if member.ports] or [tree.root]
    if all(process.state == "T" for process in serving):
        return "hung"  # stopped: the kernel still accepts connections for it, and nobody reads them
    if url:
        return _ask_url(url, timeout)
    targets = list({(one.port, addresses.loopback(one.address)): one for one in tree.listeners}.values())[:_PORTS]
    if not targets:
        return "unknown"
    believed = runs_python(tree) and speaks_http(tree.framework)
    answers = _all([partial(_ask_listener, tree, one, timeout, believed) for one in targets], timeout)
    return _sum_up(answers, targets)


def ask_all(
    trees: Sequence[Tree], timeout: float = TIMEOUT, url: str | None = None, pages: Mapping[int, str] | None = None
) -> tuple[Verdict, ...]:
    """All at once, so that a dozen hung servers take no longer than one. `pages` are the health pages of ports that a
    playbook knows."""
    known = [url or next((page for port, page in (pages or {}).items() if port in tree.ports), None) for tree in trees]
    return _all([partial(ask, tree, timeout, page) for tree, page in zip(trees, known, strict=True)], timeout + 0.3)


def _ask_url(url: str, timeout: float) -> Verdict:
    reply = http.ask(url, timeout=timeout, limit=_BODY)
    if reply.status is not None:
        return "slow" if reply.seconds > SLOW else "healthy"
    if reply.problem == "timeout":
        return "hung"
    return "down" if reply.problem == "refused" else "unknown"


def _ask_listener(tree: Tree, listener: Listener, timeout: float, believed: bool) -> Verdict:
    """Nothing is sent to what does not speak HTTP: how that fares, no question of ours can tell."""
    protocol = protocols.of(listener, [one.process for one in tree.members], tree.framework)
    if protocol == "https":
        return _ask_secure(listener, timeout)
    if protocol == protocols.GRPC:
        return _ask_grpc(listener, timeout)
    return _ask_port(listener, timeout, believed) if protocol == protocols.HTTP else "unknown"


def _ask_grpc(listener: Listener, timeout: float) -> Verdict:
    """Its health service, where there is one. Any state is a sign of life, as any status of HTTP is. Only a server that
    tells one method from another is asked."""
    deadline, host = clock.Deadline(timeout), addresses.loopback(listener.address).strip("[]")
    if not grpc_health.tells_methods_apart(host, listener.port, timeout=timeout / 2):
        return "unknown"
    found = grpc_health.ask(host, listener.port, timeout=deadline.left)
    if found.state:
        return "slow" if found.seconds > SLOW else "healthy"
    return "hung" if found.problem == "timeout" else "unknown"


def _ask_port(listener: Listener, timeout: float, believed: bool) -> Verdict:
    """`believed`: it is known to speak HTTP, so that silence means something even if nobody queues."""
    deadline = clock.Deadline(timeout)
    base = addresses.base(listener.port, listener.address)
    answered: Verdict | None = None
    for path in addresses.PATHS:
        if answered and deadline.left < _ENOUGH:
            break
        reply = http.ask(base + path, timeout=deadline.left, limit=_BODY)
        if reply.status is not None:
            answered = "slow" if reply.seconds > SLOW or answered == "slow" else "healthy"
            if reply.status == addresses.NO_PAGE:
                continue
            break
        if reply.problem == "timeout":
            return "hung" if believed or listener.queue else answered or "unknown"
        if reply.problem == "refused":
            return "down"
        if reply.problem in ("other", "reset") and believed and not answered:
            return _ask_secure(listener, deadline.left)
        break
    return answered or "unknown"


def _ask_secure(listener: Listener, timeout: float) -> Verdict:
    """It answered, though not in HTTP: with TLS, perhaps. A certificate that nobody vouches for is an answer, too."""
    if timeout < _ENOUGH:
        return "unknown"
    reply = http.ask(f"https://{addresses.loopback(listener.address)}:{listener.port}/", timeout=timeout, limit=_BODY)
    return "healthy" if reply.status is not None or reply.problem == "certificate" else "unknown"


def _sum_up(answers: Sequence[Verdict], targets: Sequence[Listener]) -> Verdict:
    """The worst of its ports; where one answers, a silent one beside it counts only if connections queue for it."""
    talks = any(answer in ("healthy", "slow") for answer in answers)
    counted = [
        answer
        for answer, listener in zip(answers, targets, strict=True)
        if answer != "hung" or not talks or listener.queue
    ]
    order: tuple[Verdict, ...] = ("hung", "slow", "healthy", "down")
    return next((verdict for verdict in order if verdict in counted), "unknown")


def _all(questions: Sequence[Callable[[], Verdict]], within: float) -> tuple[Verdict, ...]:
    """Ask in daemon threads; who could not be asked in time for reasons of our own is unknown."""
    found: list[Verdict] = ["unknown"] * len(questions)
    places = threading.Semaphore(_THREADS)

    def one(at: int) -> None:
        with places:
            found[at] = questions[at]()

    threads = []
    for at in range(len(questions)):
        thread = threading.Thread(target=one, args=(at,), daemon=True, name="wd-verdict")
        try:
            thread.start()
        except RuntimeError:  # no more threads are to be had
            break
        threads.append(thread)
    rounds = -(-len(questions) // _THREADS)
    deadline = clock.Deadline(within * rounds + _SLACK)
    for thread in threads:
        thread.join(deadline.left)
    return tuple(found)
