"""A thread that wants a CPU in every look: Python code that goes round, or native code that does not come back?"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from watchdog.diagnosis import shape
from watchdog.diagnosis.code import at_place, is_application
from watchdog.diagnosis.view import ThreadView, View
from watchdog.model.evidence import Frame
from watchdog.model.records import record

# Calls that work in native code for as long as their data makes them. A loop around one is still native work.
NATIVE = frozenset({
    "match", "fullmatch", "search", "findall", "finditer", "sub", "subn", "split", "loads", "dumps", "sort", "sorted",
    "compress", "decompress", "pow", "encode", "decode", "replace", "count", "factorial", "comb", "gcd", "hexlify",
    "b64encode", "b64decode", "pbkdf2_hmac", "scrypt", "crc32", "adler32", "sha256", "md5", "unpack", "translate",
    "SequenceMatcher", "literal_eval",
})  # fmt: skip
# Modules of the standard library that are but a shell around native code.
_SHELLS = (
    "re/",
    "/re.py",
    "sre_",
    "json/",
    "/zlib",
    "/gzip.py",
    "/hashlib.py",
    "/pickle.py",
    "/copy.py",
    "/statistics",
)


@record(frozen=True)
class Spin:
    """Where a thread spins."""

    thread: ThreadView
    frame: Frame  # the innermost frame of the application that stayed, at the line that tells most
    native: bool
    seconds: float


def spins(view: View) -> tuple[Spin, ...]:
    """Threads that spin in application code, longest seen first."""
    found = [spin for thread in view.python_threads if thread.spins for spin in [_spin(view, thread)] if spin]
    return tuple(sorted(found, key=lambda spin: -spin.seconds))


def _spin(view: View, thread: ThreadView) -> Spin | None:
    frame = thread.app_frame
    if frame is None or thread.is_idle:
        return None
    # A request may have waited for another process before: no thread computes for longer than it lives.
    asked = min(view.oldest_request(thread.pid), thread.age or thread.seen_for) if thread.serves_request else 0.0
    seconds = max(thread.seen_for, asked)
    return Spin(thread, _at_its_loop(view, frame), _is_native(view, thread, frame), seconds)


def _at_its_loop(view: View, frame: Frame) -> Frame:
    """The frame at the head of its loop, where the loop calls nothing: in which of its lines it was seen is chance."""
    source = view.file(frame.file)
    loop = shape.innermost_loop(source, frame.line) if source and not source.changed_since_start else None
    return replace(frame, line=loop.lineno) if loop is not None and shape.is_tight(loop) else frame


def is_needed(view: View, spin: Spin) -> bool:
    """Whether a request waits for what the thread computes."""
    return bool(view.waiting) and (spin.thread.serves_request or view.may_be_waited_for(spin.thread.pid))


def _is_native(view: View, thread: ThreadView, frame: Frame) -> bool:
    """The same innermost line in every look, while no other thread gets the interpreter's lock; or no loop of Python's
    around it: only native code can stay so long in one statement. In a loop the call itself must be known to work
    natively: a short loop shows one line as well."""
    leaves = Counter(
        (one.frames[0].file, one.frames[0].function, one.frames[0].line) for _, one in thread.complete_samples
    )
    if not leaves:
        return False
    (file, function, line), count = leaves.most_common(1)[0]
    if count < 0.9 * len(thread.complete_samples) or thread.holds_gil < 0.3:
        return False
    leaf = Frame(function, file, line)
    if lets_nobody_run(view, thread):
        return True
    if not is_application(leaf):
        return any(shell in file for shell in _SHELLS) or count == len(thread.complete_samples) >= 4
    source = view.file(file)
    if source is None or source.changed_since_start:
        return False
    if set(shape.calls_at(source, line)) & NATIVE:
        return True
    if shape.in_loop(source, line) is not False:
        return False
    # A short function that a loop calls shows one line, too, as long as the looks are few.
    rounds = _is_called_in_a_loop(view, thread)
    if rounds and not shape.calls_at(source, line):
        return False
    return len(thread.complete_samples) >= (10 if rounds else 3)


def lets_nobody_run(view: View, thread: ThreadView) -> bool:
    """Whether a thread of the same process has requests to take, or a new thread to begin, and does not get the
    interpreter's lock for it. Python code gives that away every few milliseconds."""
    if not view.hung or view.unread_for < _UNREAD:
        return False
    since = max((at for at, _ in thread.looks), default=0.0) - view.unread_for + _ARRIVED
    return any(_wants_lock(one, since) for one in view.threads_of(thread.pid) if one.tid != thread.tid)


def _wants_lock(thread: ThreadView, since: float) -> bool:
    """Whether in every look from that moment on its calls are in `select`, and the kernel has it anywhere else: it has
    come back, and waits for the lock. Or it waits for a new thread to begin."""
    calls = [look.frames for at, look in thread.complete_samples if at >= since]
    begins = bool(calls) and all(any(at_place(one, ("threading.py:start",)) for one in frames) for frames in calls)
    kernel = [look.call.name if look.call else "" for at, look in thread.looks if at >= since]
    takes = bool(calls) and all(at_place(frames[0], _TAKES) for frames in calls)
    return begins or (takes and len(kernel) > 1 and set(kernel) <= {"", "futex"})


_TAKES = ("selectors.py:select", "selectors.py:_select", "socket.py:accept")
_UNREAD = 1.0  # seconds: many times what Python code keeps the lock for
_ARRIVED = 0.2  # seconds: then a request has been noticed


def _is_called_in_a_loop(view: View, thread: ThreadView) -> bool:
    callers = [frame for frame in thread.complete_samples[-1][1].frames[1:] if is_application(frame)]
    return any((source := view.file(one.file)) is not None and shape.in_loop(source, one.line) for one in callers)
