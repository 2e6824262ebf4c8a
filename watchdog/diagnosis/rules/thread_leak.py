"""The number of threads only rises: hundreds of them stand at the same line and nobody ends them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator

from watchdog.diagnosis import suspects
from watchdog.diagnosis.at_start import is_made_at_start
from watchdog.diagnosis.code import at_place
from watchdog.diagnosis.locking import graph
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.finding import Culprit, Finding
from watchdog.text.units import format_duration

PREVENT = "End the threads that are started: a stop event, a time-out at what they wait for, or one pool with a bound."
_STEADY = "; it answers well, and their number did not rise meanwhile: look again later"
MANY = 100  # alike; pools of servers have some tens
_RISING, _GROWN = 20, 5  # so many alike are enough where so many came during the looks
_OF_SERVERS = ("waitress/task.py:*", "cheroot/workers/threadpool.py:*", "gunicorn/workers/gthread.py:*")
_IN_ONE_GO = 300.0  # threads a second: a loop starts them faster than requests come


def rule(view: View) -> Iterator[Finding]:
    own = _most_alike(_in_application(view))
    if len(own) < MANY:
        yield from _of_libraries(view)
    grown = _growth(view)
    if not (len(own) >= MANY or (len(own) >= _RISING and grown >= _GROWN)) or _is_pool(view, own):
        return
    thread = own[0]
    assert thread.app_frame is not None
    more = f"; {grown} more than at the first look" if grown > 0 else ""
    where = f"stand in {short(thread.app_frame)}{more}"
    yield _finding(view, own, where, view.culprit(thread.app_frame, thread))


def _in_application(view: View) -> Iterator[tuple[Hashable, ThreadView]]:
    """Threads that wait at a line of the application, by this line. At a line where threads queue for a lock that
    another one has they go on when it is given back."""
    queues = {
        (point.pid, point.frame.file, point.frame.line)
        for points, holder in graph(view.evidence.locks).contended()
        if holder is not None
        for point in points
    }
    for thread in view.python_threads:
        frame = thread.app_frame
        if frame is not None and not thread.serves_request and (thread.pid, frame.file, frame.line) not in queues:
            yield (thread.pid, frame.file, frame.function, frame.line), thread


def _of_libraries(view: View) -> Iterator[Finding]:
    """Hundreds of a library's threads wait for work: somebody makes a pool, a timer, a watcher a request."""
    idle = [thread for thread in view.python_threads if thread.app_frame is None and thread.is_idle and thread.frames]
    alike = _most_alike(((one.pid, *((it.file, it.function) for it in one.frames)), one) for one in idle)
    if len(alike) < MANY or _is_pool(view, alike):
        return
    calls = alike[0].frames
    name = (calls[-3] if len(calls) > 2 else calls[-1]).function
    yield _finding(view, alike, f"stand in {name} and wait for work", suspects.find(view, suspects.THREADS))


def _most_alike(threads: Iterable[tuple[Hashable, ThreadView]]) -> list[ThreadView]:
    groups: dict[Hashable, list[ThreadView]] = defaultdict(list)
    for place, thread in threads:
        groups[place].append(thread)
    return max(groups.values(), key=len, default=[])


def _finding(view: View, alike: list[ThreadView], where: str, culprit: Culprit | None) -> Finding:
    pid, steady = alike[0].pid, _is_steady(view)
    return Finding(
        cause="thread-leak",
        certainty="guess" if steady else "likely",
        summary=f"{len(alike)} threads of process {pid} {where}{_STEADY * steady}",
        instead="wait" if steady else None,
        culprit=culprit,
        evidence=(f"stacks.json#pid={pid}", f"threads.json#pid={pid}"),
        prevent=PREVENT,
        details=_begun(alike),
    )


def _begun(alike: list[ThreadView]) -> tuple[str, ...]:
    """When they were started: a leak goes on as long as somebody asks."""
    ages = _ages(alike)
    if ages is None:
        return ()
    first, last = format_duration(max(ages)), format_duration(min(ages))
    return (f"the first of them was started {first} ago, the last {last} ago",)


def _is_steady(view: View) -> bool:
    """It answers well and got no more threads meanwhile: a large pool looks the same."""
    return view.answers_well and _growth(view) <= 0


def _is_pool(view: View, alike: list[ThreadView]) -> bool:
    """Whether they were all started in one go, and none since: a leak goes on with the requests. Where the application
    starts threads for requests, a burst of these looks the same; where it starts them while it is loaded and nowhere
    else, requests start none. A server makes its own pool once."""
    if not _is_steady(view):
        return False
    if any(at_place(frame, _OF_SERVERS) for frame in alike[0].frames):
        return True
    made = list(suspects.calls(view, lambda call, _: call in suspects.THREADS))
    if any(_is_for_requests(view, one) for one in made):
        return False
    if made and alike[0].app_frame is not None:
        return True
    ages = _ages(alike)
    if ages is None:
        return False
    took, since = max(ages) - min(ages), min(ages)
    return took <= len(ages) / _IN_ONE_GO and since > took


def _is_for_requests(view: View, made: suspects.Suspect) -> bool:
    """Whether threads, or a pool of them, are made in a function that the start does not call."""
    source = view.file(made.file)
    return source is not None and not is_made_at_start(view.own_sources, source, made.line, made.function)


def _ages(alike: list[ThreadView]) -> list[float] | None:
    """Seconds since each was started, the first and the last of them included; None where the system does not tell
    that of a thread. Of very many threads those between are not looked at."""
    ages = [one.age for one in alike if one.age is not None]
    return ages if len(ages) >= min(MANY, len(alike)) else None


def _growth(view: View) -> int:
    points = view.evidence.memory
    return points[-1].threads - points[0].threads if len(points) > 1 else 0
