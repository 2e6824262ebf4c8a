"""Threads or tasks wait for each other's locks, or for one that nobody will ever give back."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import own_pools, suspects
from watchdog.diagnosis.code import is_application
from watchdog.diagnosis.joins import joined
from watchdog.diagnosis.locking import Graph, graph, is_lock, own_frame, thread_of
from watchdog.diagnosis.view import View, short
from watchdog.model.evidence import OWN_LOCK, LockPoint
from watchdog.model.finding import Finding

PREVENT = (
    "Take these locks in one order everywhere, or hold only one at a time; take them with `with`, never with a bare "
    "`acquire()`, and with a time-out where that is possible."
)
PREVENT_AGAIN = (
    "Do not take a lock again that the same thread already holds: a reader waits for the writer that waits for it. "
    "Split the function into one that takes the lock and one that is called with it."
)
PREVENT_IMPORT = (
    "Import at the top of the file, or at least not while a lock is held: every import takes the lock of its module, "
    "and what a module does while it is imported must not take a lock that an importer may hold."
)
PREVENT_SUSPENDED = (
    "Between tasks or greenlets use the lock of their own library (`asyncio.Lock`, or a lock made after gevent has "
    "patched `threading`), or give a thread's lock back before anything that waits."
)
PREVENT_JOINED = (
    "Do not wait for other threads, tasks or greenlets while you hold a lock that they take: give it back before you "
    "join them, or do the work without the lock and write its result under it."
)
_A_WHILE = 1.0  # seconds
LONG = 3.0  # seconds that a request stands before a lock: sections that are given back take less as a rule
GIVES_BACK = frozenset({"release"})
PREVENT_LOST = (
    "Take the lock with `with`: after a bare `acquire()` an exception or an early return leaves it locked for ever."
)

PREVENT_ORPHANED = (
    "A lock of `multiprocessing` stays taken when its holder is killed. Take it with a time-out, or use a lock that "
    "the kernel gives back when a process ends: `fcntl.flock` on a file, or a lock of the database."
)
LIVES_ON = (
    "the lock lives as long as any process that shares it: restart the whole server with its master; one new worker "
    "gets the same lock"
)


def rule(view: View) -> Iterator[Finding]:
    found = graph(view.evidence.locks)
    ring = found.cycle()
    if ring and _is_closed(view, ring) and not all(_idles(view, wanted, len(ring)) for _, wanted in ring):
        yield _cycle(view, found, ring)
        return
    kept = _kept_from_running(view, found) or _joined(view)
    if kept is not None:
        yield kept
    else:
        yield from (*_orphaned(view, found), *_lost(view, found))


def _is_closed(view: View, ring: tuple[tuple[LockPoint, LockPoint], ...]) -> bool:
    """Whether no other thread can end the cycle. A place of a semaphore, or a lock of a class of the application,
    may be held by others although the source does not show it."""
    own = [wanted for _, wanted in ring if wanted.kind == OWN_LOCK]
    if own:
        return view.troubled and not any(_may_go_on(view, one) for one in own)
    if _gives_up(view, ring):
        return view.in_trouble
    return view.in_trouble or any(is_lock(wanted) for _, wanted in ring)


def _gives_up(view: View, ring: tuple[tuple[LockPoint, LockPoint], ...]) -> bool:
    """Whether one of its threads waits with a time-out, so that the circle may open by itself."""
    threads = (thread_of(view, wanted) for _, wanted in ring)
    return any(one is not None and one.is_bounded for one in threads)


def _may_go_on(view: View, point: LockPoint) -> bool:
    """Whether its wait has a time-out, or is one for a place of a pool, which has rules of its own."""
    thread = thread_of(view, point)
    if thread is None or thread.is_bounded or (thread.moves and not _stays(view, point)):
        return True
    return thread.app_frame is not None and own_pools.is_pool(view, thread.app_frame)


def _stays(view: View, point: LockPoint) -> bool:
    """Whether it waited at the same place for the same lock in two readings of the memory, one a while after the other.
    Each notice wakes all who wait under a condition: they run, look, and wait again."""
    looks = [look for look in view.evidence.tasks if look.pid == point.pid]
    return (
        len(looks) > 1
        and looks[-1].at - looks[0].at >= _A_WHILE
        and all(
            any((one.tid, one.lock, one.frame) == (point.tid, point.lock, point.frame) for one in look.locks.wanted)
            for look in looks
        )
    )


def _cycle(view: View, found: Graph, ring: tuple[tuple[LockPoint, LockPoint], ...]) -> Finding:
    imports = [wanted for _, wanted in ring if wanted.kind == "module"]
    kind = "import-lock" if imports else "lock-deadlock"
    names = [wanted.task or wanted.thread or f"thread {wanted.tid}" for _, wanted in ring]
    guilty = (imports or [ring[0][1]])[0]
    shown = [view.thread(wanted.pid, wanted.tid) for _, wanted in ring if wanted.kind == OWN_LOCK]
    own = {(wanted.pid, wanted.tid, wanted.task) for _, wanted in ring}
    victims = sum((one.pid, one.tid, one.task) not in own for one in found.waiting())
    return Finding(
        cause=kind,
        certainty="likely" if shown or _gives_up(view, ring) else "certain",
        lasted=max((one.stuck for one in shown if one is not None), default=0.0) if shown else None,
        summary=_in_words(ring, names) + (f"; {victims} more wait behind them" if victims else ""),
        culprit=view.culprit(own_frame(view, guilty), thread_of(view, guilty)),
        evidence=tuple(
            f"locks.json#pid={wanted.pid},thread={name}" for name, (_, wanted) in zip(names, ring, strict=True)
        ),
        prevent=PREVENT_IMPORT if imports else PREVENT_AGAIN if shown and len(ring) == 1 else PREVENT,
        details=tuple(
            f"{name!r} holds {held.expression} since {short(held.frame)} and waits for {wanted.expression} at "
            f"{short(wanted.frame)}"
            for name, (held, wanted) in zip(names, ring, strict=True)
        ),
    )


def _in_words(ring: tuple[tuple[LockPoint, LockPoint], ...], names: list[str]) -> str:
    held, wanted = ring[0]
    if len(ring) > 1:
        return f"{len(ring)} {_noun(wanted)} wait for each other's locks: {_who_has_what(ring, names)}"
    if wanted.kind != OWN_LOCK:
        return f"{names[0]!r} waits for {wanted.expression}, which it holds itself"
    return (
        f"{names[0]!r} takes again what it already holds: it waits for {wanted.expression} in {short(wanted.frame)}, "
        f"and has the same lock since {short(held.frame)}"
    )


def _who_has_what(ring: tuple[tuple[LockPoint, LockPoint], ...], names: list[str]) -> str:
    """Who wants what that whom holds. Where the source calls different locks the same, the place where each was taken
    tells them apart."""
    alike = len({wanted.expression for _, wanted in ring}) < len(ring)
    told = []
    for place, (name, (_, wanted)) in enumerate(zip(names, ring, strict=True)):
        at = (place + 1) % len(ring)
        holder, taken = names[at], ring[at][0]
        wants, since = (f" in {short(wanted.frame)}", f" since {short(taken.frame)}") if alike else ("", "")
        told.append(f"{name!r} wants {wanted.expression}{wants}, which {holder!r} holds{since}")
    return "; ".join(told)


def _noun(point: LockPoint) -> str:
    if point.task is None:
        return "threads"
    return "greenlets" if point.task.startswith("greenlet") else "tasks"


def _kept_from_running(view: View, found: Graph) -> Finding | None:
    """A thread that waits for a lock whose holder, a suspended task or greenlet, can only go on in this very thread."""
    for points, holder in found.contended():
        thread = thread_of(view, points[0])
        if holder is None or holder.task is None or thread is None or not thread.is_event_loop or thread.moves:
            continue
        point, noun = points[0], "greenlet" if holder.task.startswith("greenlet") else "task"
        return Finding(
            cause="lock-deadlock",
            certainty="certain",
            summary=f"{thread.label} waits for {point.expression}, which a suspended {noun} holds since "
            f"{short(holder.frame)}: only this thread could run that {noun}, so it never gives the lock back",
            culprit=view.culprit(own_frame(view, point), thread),
            evidence=(thread.reference, f"locks.json#pid={point.pid}"),
            prevent=PREVENT_SUSPENDED,
        )
    return None


def _joined(view: View) -> Finding | None:
    """Who has the lock waits for one that wants it."""
    found = joined(view) if view.troubled else None
    if found is None:
        return None
    holder, waiter = (one.task or one.thread or f"thread {one.tid}" for one in (found.holder, found.waiter))
    thread, imports = thread_of(view, found.holder), found.holder.kind == "module"
    return Finding(
        cause="import-lock" if imports else "lock-deadlock",
        certainty="certain" if found.holder.task is not None and is_lock(found.waiter) else "likely",
        lasted=thread.stuck if thread is not None else None,
        summary=f"{holder!r} holds {found.holder.expression} since {short(found.holder.frame)}, and waits in "
        f"{short(found.frame)} for work that waits for the same lock: {waiter!r} wants it in "
        f"{short(own_frame(view, found.waiter))}",
        culprit=view.culprit(found.frame, thread),
        evidence=(f"locks.json#pid={found.holder.pid}",),
        prevent=PREVENT_IMPORT if imports else PREVENT_JOINED,
    )


def _idles(view: View, point: LockPoint, size: int) -> bool:
    """Libraries use a lock that a worker takes twice as a bell that somebody else rings."""
    if point.task is not None:
        return False
    thread = thread_of(view, point)
    called = thread is not None and thread.app_frame is not None
    return (thread is not None and thread.is_idle) or (size == 1 and not called and not is_application(point.frame))


def _lost(view: View, found: Graph) -> Iterator[Finding]:
    """A lock that is taken, wanted, and held by no living call: somebody left without giving it back."""
    for points, holder in found.contended():
        point = points[0]
        if holder is not None or point.locked is False or point.kind == "module" or point.shared:
            continue
        if all(_idles(view, one, 1) for one in points):
            continue  # workers of a pool take turns at their queue, over processes
        if not view.in_trouble and not any(_keeps_a_request(view, one) for one in points):
            continue
        thread = thread_of(view, point)
        seconds = thread.stuck if thread else 0.0
        unread = any(look.unread for look in view.tasks if look.pid == point.pid)
        yield Finding(
            cause="lock-deadlock",
            certainty="guess" if unread else "likely",
            lasted=seconds,
            waits_for="lost",
            summary=f"{len(points)} wait for {point.expression}, which none of {_looked_at(view, point.pid)} holds: "
            + ("there are more, and wd had no time to read them" if unread else "it was taken and never given back"),
            culprit=suspects.unreturned(view, point.frame, GIVES_BACK) or view.culprit(own_frame(view, point), thread),
            evidence=(f"locks.json#pid={point.pid}",),
            prevent=PREVENT_LOST,
        )
        return


def _orphaned(view: View, found: Graph) -> Iterator[Finding]:
    """A lock between processes that is taken, and that no call of a living process holds."""
    for points, holder in found.contended():
        point = points[0]
        if holder is not None or not point.shared or not point.locked or not _stand(view, points):
            continue
        takers = [look.pid for look in view.tasks if point.lock in look.taken]
        unread = len(_read(view)) < len(set(view.evidence.python) & view.processes.keys())
        if unread and all(_idles(view, one, 1) for one in points):
            continue  # the one that has its turn at the queue may be among those
        lost = suspects.unreturned(view, point.frame, GIVES_BACK) if takers else None
        yield Finding(
            cause="lock-deadlock",
            certainty="guess" if unread else "likely",
            lasted=max(one.stuck for one in view.threads if (one.pid, one.tid) in {(p.pid, p.tid) for p in points}),
            summary=f"{len(points)} wait for {point.expression}, a lock that processes share: "
            f"{_who_took(view, takers)}",
            culprit=lost or view.culprit(own_frame(view, point)),
            evidence=tuple(f"locks.json#pid={pid}" for pid in sorted({one.pid for one in points})[:3]),
            prevent=PREVENT_LOST if takers else PREVENT_ORPHANED,
            details=(LIVES_ON,),
        )
        return


def _stand(view: View, points: list[LockPoint]) -> bool:
    """Whether all of them wait and none goes on, so that the lock is not handed round between them."""
    waiting = [thread_of(view, one) for one in points]
    stand = all(one is not None and not one.moves and one.stuck >= 0.5 for one in waiting)
    return stand and (view.in_trouble or any(_keeps_a_request(view, one) for one in points))


def _read(view: View) -> set[int]:
    return {look.pid for look in view.tasks if not look.error and not look.cut}


def _who_took(view: View, takers: list[int]) -> str:
    if takers:
        return f"process {takers[0]} took it and has not given it back, and no call there holds it now"
    return (
        f"no process that was read ({len(_read(view))}) has it, so its holder has ended (was killed, for "
        "example) without giving it back"
    )


def _keeps_a_request(view: View, point: LockPoint) -> bool:
    """A request stands before a section of the application, though others are answered. No bell is rung by a `with`."""
    thread = thread_of(view, point)
    return (
        thread is not None
        and thread.serves_request
        and thread.stuck >= LONG
        and is_application(point.frame)
        and point.section
    )


def _looked_at(view: View, pid: int) -> str:
    """Where a holder was looked for."""
    threads = sum(1 for _ in view.threads_of(pid))
    tasks = [task for look in view.tasks if look.pid == pid for task in look.tasks]
    nouns = {"greenlets" if task.greenlet else "tasks" for task in tasks}
    count = sum(task.alike for task in tasks)
    return f"{threads} threads" + (f" and {count} {' and '.join(sorted(nouns))}" if tasks else "")
