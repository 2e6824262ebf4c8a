"""Lines of the application's source that can have caused what is no longer on any stack. Pure; a guess, told as one."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from watchdog.diagnosis import shape
from watchdog.diagnosis.at_start import is_done_at_start
from watchdog.diagnosis.code import is_application
from watchdog.diagnosis.view import View
from watchdog.model.evidence import Frame, SourceFile
from watchdog.model.finding import Culprit
from watchdog.model.records import record

FORKS = frozenset(
    {"fork", "Popen", "forkpty", "posix_spawn", "Process", "create_subprocess_exec", "create_subprocess_shell"}
)
OPENS = frozenset({"open", "fdopen", "mkstemp", "dup", "NamedTemporaryFile", "TemporaryFile"})
CONNECTS = frozenset({"socket", "create_connection", "connect", "urlopen", "HTTPConnection", "HTTPSConnection",
                      "accept", "Session", "ClientSession", "socketpair", "Client"})  # fmt: skip
THREADS = frozenset({"ThreadPoolExecutor", "ThreadPool", "Thread", "Timer", "start_new_thread", "BackgroundScheduler"})
PIPES = frozenset({"pipe", "pipe2", "Popen", "Pipe"})
GROWS = frozenset({"append", "add", "extend", "setdefault", "insert", "appendleft", "update", "put", "put_nowait"})
_TAKES = frozenset({"get", "get_nowait"})
# Methods that take a connection from the same pool, or open one for the thread.
_TAKES_CONNECTION = frozenset({
    "connect", "connection", "connection_context", "get_connection", "getconn", "raw_connection", "checkout",
})  # fmt: skip


@record(frozen=True)
class Suspect:
    """One call in the source."""

    file: str
    line: int
    function: str
    call: str
    owner: str  # what the method is called on: "REPLAY", "self.items"; empty for a plain function
    closed: bool  # its result is bound by a `with`
    waited: bool  # somewhere in the same function something is closed, joined or waited for
    streams: bool = False  # its result stays open until it is closed: `stream=True`
    lent: bool = False  # by a `with` of a generator, which keeps it until whoever goes over it is at the end
    size: int | None = None  # of the pool that is made, where it stands there as a number


def find(view: View, names: frozenset[str]) -> Culprit | None:
    """The line that fits best: not closed, in a function that closes nothing, called for requests and not only once."""
    found = [one for one in calls(view, lambda call, _: call in names) if not one.closed]
    best = min(found, key=lambda one: (one.waited, one.function == "<module>"), default=None)
    return culprit(view, best) if best else None


def unreturned(view: View, waiter: Frame, give_back: frozenset[str]) -> Culprit | None:
    """Who takes from the same pool or lock as the waiter's line does, and does not give back on every path."""
    source = view.file(waiter.file)
    if source is None:
        return None
    names = set(shape.outer_calls_at(source, waiter.line))
    wanted = {(one.call, one.owner) for one in calls(view, lambda call, _: call in names) if one.line == waiter.line}
    # `with lock:` takes what `lock.acquire()` takes.
    entered = {("acquire", expression) for line, expression in shape.entered_at(source, waiter.line)}
    returned = {(one.function, one.owner) for one in calls(view, lambda call, _: call in give_back)}
    guilty = [one for one in _same(view, wanted | entered, waiter) if not one.closed]
    # An answer that is streamed keeps its place until it is closed, whatever else is asked of the same client.
    owners = {owner for _, owner in wanted}
    guilty += [one for one in calls(view, lambda _, owner: owner in owners) if one.streams and not one.closed]
    guilty.sort(key=lambda one: not one.streams)  # who is known to keep what it takes comes first
    never = [one for one in guilty if not any(function == one.function for function, _ in returned)]
    unsafe = [one for one in guilty if not shape.in_finally(view.file(one.file), one.line, give_back)]
    lent = [] if never else [one for one in _same(view, wanted | entered, waiter) if one.lent]
    leaves = [one for one in unsafe if leaves_without(view.file(one.file), one.line, give_back)]
    best = never or lent or leaves or (unsafe if entered else [])
    return culprit(view, best[0]) if best else None


def unsafe(view: View, waiter: Frame, give_back: frozenset[str]) -> Culprit | None:
    """Who takes a connection from the same pool in whatever way, and gives it back only if nothing goes wrong."""
    here = calls(view, lambda call, _: call in _TAKES_CONNECTION)
    pools = {_bare(one.owner) for one in here if (one.file, one.line) == (waiter.file, waiter.line)}
    for one in calls(view, lambda call, owner: call in _TAKES_CONNECTION and _bare(owner) in pools):
        file = view.file(one.file)
        served = one.function != "<module>" and not (file and is_done_at_start(file, one.function))
        if served and not one.closed and not shape.in_finally(file, one.line, give_back):
            return culprit(view, one)
    return None


def _bare(owner: str) -> str:
    """ "engine" of `engine` and of `self._engine`."""
    return owner.rpartition(".")[2].lstrip("_")


def leaves_without(source: SourceFile | None, line: int, give_back: frozenset[str]) -> bool:
    """Whether the function can return after this line before it has given anything back."""
    if source is None or (function := shape.function_at(source, line)) is None:
        return False
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.lineno > line:
            done = [one for one in (*shape.before(source, node.lineno), node) if one.lineno > line]
            called = {shape.called_name(call) for one in done for call in ast.walk(one) if isinstance(call, ast.Call)}
            if not called & give_back:
                return True
    return False


def _same(view: View, wanted: set[tuple[str, str]], waiter: Frame) -> Iterator[Suspect]:
    """Other lines that make one of the calls that the waiter's line makes."""
    for one in calls(view, lambda call, _: any(call == name for name, _ in wanted)):
        if (one.call, one.owner) in wanted and (one.file, one.line) != (waiter.file, waiter.line):
            yield one


def takes(view: View, waiter: Frame) -> bool:
    """Whether the line calls what takes from a queue; one that is compiled leaves no call of its own to see."""
    source = view.file(waiter.file)
    return source is not None and not _TAKES.isdisjoint(shape.calls_at(source, waiter.line))


def culprit(view: View, one: Suspect) -> Culprit | None:
    return view.culprit(Frame(one.function, one.file, one.line))


def calls(view: View, wanted: Callable[[str, str], bool]) -> Iterator[Suspect]:
    """Calls in the application's files for which `wanted(name, owner)` holds, in the order of the source."""
    for source in view.evidence.sources:
        if not is_application(Frame("", source.path, 0)):
            continue
        module = shape.tree(source)
        if module is not None:
            yield from _walk(source, module, "<module>", False, wanted)


_ENDS = frozenset({"close", "join", "wait", "waitpid", "communicate", "shutdown", "terminate", "release", "poll"})


def _walk(
    source: SourceFile, node: ast.AST, function: str, waited: bool, wanted: Callable[[str, str], bool]
) -> Iterator[Suspect]:
    for child in ast.iter_child_nodes(node):
        inner, ends = function, waited
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = child.name
            ends = any(_name(call)[0] in _ENDS for call in ast.walk(child) if isinstance(call, ast.Call))
        if isinstance(child, ast.Call):
            name, owner = _name(child)
            if name and wanted(name, owner):
                streams, size = _streams(child), _size(child)
                yield Suspect(source.path, child.lineno, inner, name, owner, False, ends, streams, size=size)
        if isinstance(child, ast.withitem) and isinstance(child.context_expr, ast.Call):
            lent = _yields(node) and not _is_manager(source, inner)
            yield from _with_item(source, child.context_expr, inner, ends, lent, wanted)
            continue
        yield from _walk(source, child, inner, ends, wanted)


def _with_item(
    source: SourceFile, call: ast.Call, function: str, waited: bool, lent: bool, wanted: Callable[[str, str], bool]
) -> Iterator[Suspect]:
    name, owner = _name(call)
    if name and wanted(name, owner):
        yield Suspect(source.path, call.lineno, function, name, owner, True, waited, lent=lent, size=_size(call))
    yield from _walk(source, call, function, waited, wanted)


def _yields(block: ast.AST) -> bool:
    """Whether the block of this `with` hands something out and waits to be asked for the next."""
    body = getattr(block, "body", [])
    return any(isinstance(node, (ast.Yield, ast.YieldFrom)) for one in body for node in shape.done_here(one))


def _is_manager(source: SourceFile, name: str) -> bool:
    """Whether somebody sees to it that the generator comes to its end: `@contextmanager`, a framework's `Depends`."""
    module = shape.tree(source)
    for node in ast.walk(module) if module else ():
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name and node.decorator_list:
            return True
        finishes = isinstance(node, ast.Call) and _name(node)[0] in _FINISHES
        if isinstance(node, ast.Call) and finishes and any(getattr(one, "id", "") == name for one in node.args):
            return True
    return False


_FINISHES = frozenset({"Depends", "Security", "Provide", "contextmanager", "asynccontextmanager"})


def _size(call: ast.Call) -> int | None:
    given = [*call.args[:1], *(one.value for one in call.keywords if one.arg == "max_workers")]
    value = getattr(given[0], "value", None) if given else None
    return value if isinstance(value, int) else None


def _streams(call: ast.Call) -> bool:
    return any(one.arg == "stream" and getattr(one.value, "value", None) is True for one in call.keywords)


def _name(call: ast.Call) -> tuple[str, str]:
    owner = ast.unparse(call.func.value) if isinstance(call.func, ast.Attribute) else ""
    return shape.called_name(call), owner
