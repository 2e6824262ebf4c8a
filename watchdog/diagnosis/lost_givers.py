"""Whether the function that should give a task or thread what it waits for can still run. Pure.

The source tells which functions give such a thing (they set a future or an event, fill a queue), who calls them, and
who starts them as tasks or threads. Where all of those are over, and no request can begin one again, nobody is left who
gives it. A long poll is different: another request may give what it waits for at any time.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import lru_cache

from watchdog.diagnosis import shape
from watchdog.diagnosis.at_start import is_done_at_start
from watchdog.diagnosis.code import at_place, function, is_application
from watchdog.diagnosis.tasks import TaskWait, answers_request
from watchdog.diagnosis.view import ThreadView, View
from watchdog.model.evidence import Frame, SourceFile
from watchdog.model.records import record

_GIVES = (
    (("asyncio/locks.py:Event.wait",), frozenset({"set"})),
    (("asyncio/locks.py:Condition.wait", "asyncio/locks.py:Condition.wait_for"), frozenset({"notify", "notify_all"})),
    (("asyncio/queues.py:get",), frozenset({"put", "put_nowait"})),
    (("asyncio/queues.py:put",), frozenset({"get", "get_nowait"})),
    (("asyncio/queues.py:join", "queue.py:join"), frozenset({"task_done"})),
    (("queue.py:get",), frozenset({"put", "put_nowait"})),
    (("queue.py:put",), frozenset({"get", "get_nowait"})),
    (("threading.py:wait",), frozenset({"set", "notify", "notify_all", "abort"})),  # and of a barrier
)
_MAKERS = frozenset({"create_future", "Future", "Event", "Condition", "Queue", "SimpleQueue", "Barrier"})
_OF_FUTURES = frozenset({"set_result", "set_exception"})
# Calls that let a function run beside the caller, who goes on.
_STARTERS = frozenset({
    "create_task", "ensure_future", "start_soon", "spawn", "gather", "wait", "run_coroutine_threadsafe", "Thread",
    "submit", "run_in_executor", "to_thread", "run", "run_until_complete", "start_server", "add_task",
})  # fmt: skip
_AT_START = re.compile(r"start_?up|lifespan|before_serving|before_server_start|cleanup_ctx|post_init|contextmanager")
_WITH_THE_OBJECT = frozenset({"__init__", "__post_init__", "__aenter__", "__enter__"})  # run where an object is made
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MODULE = "<module>"


@record(frozen=True)
class _Use:
    """One place where a function is called, started or handed on."""

    user: str
    source: SourceFile
    line: int
    how: str  # call, start, hand (to whoever may call it), hook (of the start)


class _Program:
    """The application's functions by name, and where each is used."""

    def __init__(self, sources: tuple[SourceFile, ...]) -> None:
        self.functions: defaultdict[str, list[tuple[SourceFile, ast.AST]]] = defaultdict(list)
        self.uses: defaultdict[str, list[_Use]] = defaultdict(list)
        for source in sources:
            module = shape.tree(source) if is_application(Frame("", source.path, 0)) else None
            if module is not None:
                self.functions[_MODULE].append((source, module))
                for name, node in _named(module):
                    self.functions[name].append((source, node))
        for user, places in list(self.functions.items()):
            for source, node in places:
                for name, line, how in _used(node):
                    if name in self.functions:
                        self.uses[name].append(_Use(user, source, line, how))

    def giving(self, names: frozenset[str]) -> set[str]:
        """Functions that use a method of one of these names."""
        return {
            name
            for name, places in self.functions.items()
            for _, node in places
            if any(isinstance(one, ast.Attribute) and one.attr in names for one in shape.done_here(node))
        }

    def giving_their_own(self, names: frozenset[str]) -> set[str]:
        """Those that use such a method only on what they have made: `made = Future()`, later `made.set_result(…)`."""
        return {name for name, places in self.functions.items() for _, node in places if _gives_its_own(node, names)}

    def frame(self, name: str) -> Frame:
        source, node = self.functions[name][0]
        return Frame(name, source.path, getattr(node, "lineno", 1))

    def runs_at_start(self, name: str) -> bool:
        """Whether it is marked as what a server runs once, before it serves."""
        marks = (mark for _, node in self.functions[name] for mark in getattr(node, "decorator_list", ()))
        return any(_AT_START.search(ast.unparse(mark)) for mark in marks)


@lru_cache(maxsize=2)
def _program(sources: tuple[SourceFile, ...]) -> _Program:
    return _Program(sources)


def is_held_alone(view: View, one: TaskWait) -> bool:
    """Whether nothing but the task itself refers to what it waits for, and it is not what keeps the program running.

    Weak references are not counted, and a program may keep its listeners by them: then nothing is said.
    """
    if not one.task.alone or one.is_bounded or _keeps_weakly(view):
        return False
    outer = one.chain[0]
    source = view.file(outer.file)
    by_design = source is None or is_done_at_start(source, function(outer))
    return answers_request(one.task) or not by_design


def is_held_alone_by(view: View, thread: ThreadView) -> bool:
    """The same of a thread that serves a request: others keep a program running by a sign that nobody sets."""
    told = any(thread.tid in look.alone for look in view.tasks if look.pid == thread.pid)
    by_design = thread.is_main or not thread.serves_request
    return told and not by_design and not thread.is_bounded and not thread.moves and not _keeps_weakly(view)


def _keeps_weakly(view: View) -> bool:
    return any("weakref" in text for source in view.evidence.sources for _, text in source.lines)


def lost_giver(view: View, one: TaskWait) -> Frame | None:
    """The function that would give what the task waits for, and is over; None where somebody may give it yet."""
    return None if one.task.greenlet else _lost_giver(view, one.task.pid, one.chain, one.app_frame)


def lost_giver_of(view: View, thread: ThreadView) -> Frame | None:
    """The same of a thread that waits for an event, a queue or a future."""
    if thread.app_frame is None or thread.app_frame not in thread.work:
        return None
    return _lost_giver(view, thread.pid, thread.work[::-1], thread.app_frame)


def _lost_giver(view: View, pid: int, chain: Sequence[Frame], place: Frame) -> Frame | None:
    if view.inside_unread or any(look.unread for look in view.tasks):
        return None
    program, living = _program(view.evidence.sources), _living(view, pid, place)
    own = {function(frame) for frame in chain}
    names = _gives(chain, place)
    if function(place) in program.giving_their_own(names):  # who finds it there waits for the one who made it
        return None if living[function(place)] else program.frame(function(place))
    givers = program.giving(names) - own
    if any(living[name] for name in givers):
        return None
    over: list[str] = []
    seen: set[str] = set()
    left = sorted(givers)
    while left:
        name = left.pop(0)
        uses = [use for use in program.uses[name] if use.user not in own]
        if not program.uses[name] and name != _MODULE and not program.runs_at_start(name):
            return None  # a server or a library calls it, whenever it likes
        uses = [use for use in uses if use.how != "hook"]
        if any(use.how == "hand" or _may_come(use, living) for use in uses):
            return None
        seen.add(name)
        over += [name] if any(use.how == "start" for use in program.uses[name]) else []
        left += sorted({use.user for use in uses} - seen - set(left))
    return program.frame(over[0]) if over else None


def _living(view: View, pid: int, place: Frame) -> defaultdict[str, list[Frame]]:
    """The calls of all tasks and threads by function, without those that wait at the same place."""
    found: defaultdict[str, list[Frame]] = defaultdict(list)
    calls = [task.frames for look in view.tasks if look.pid == pid for task in look.tasks]
    for frames in (*calls, *(thread.frames for thread in view.threads_of(pid))):
        for frame in frames if place not in frames else ():
            found[function(frame)].append(frame)
    return found


def _may_come(use: _Use, living: defaultdict[str, list[Frame]]) -> bool:
    """Whether somebody is in the function who has not passed this place yet, or comes to it again."""
    loops = shape.loops_around(use.source, use.line)
    here = (frame for frame in living[use.user] if frame.file == use.source.path)
    return any(frame.line < use.line or any(shape.covers(loop, frame.line) for loop in loops) for frame in here)


def _gives(chain: Sequence[Frame], place: Frame) -> frozenset[str]:
    """Names of the methods that give what is waited for at this place."""
    inner = chain[len(chain) - chain[::-1].index(place) :]
    return next((names for places, names in _GIVES if any(at_place(frame, places) for frame in inner)), _OF_FUTURES)


def _named(module: ast.AST, owner: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Functions by name. What runs where an object is made has the name of its class."""
    for child in ast.iter_child_nodes(module):
        if isinstance(child, _FUNCTIONS):
            yield (owner if owner and child.name in _WITH_THE_OBJECT else child.name), child
        yield from _named(child, child.name if isinstance(child, ast.ClassDef) else owner)


def _gives_its_own(function: ast.AST, names: frozenset[str]) -> bool:
    statements = [one for one in getattr(function, "body", ()) if not isinstance(one, (*_FUNCTIONS, ast.ClassDef))]
    body = [one for statement in statements for one in shape.done_here(statement)]
    made = {
        target.id
        for one in body
        if isinstance(one, ast.Assign) and isinstance(one.value, ast.Call) and shape.called_name(one.value) in _MAKERS
        for target in one.targets
        if isinstance(target, ast.Name)
    }
    given = [one.value for one in body if isinstance(one, ast.Attribute) and one.attr in names]
    called = {id(one.func.value) for one in body if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)}
    lambdas = any(isinstance(one, ast.Lambda) for one in body)
    return bool(given) and not lambdas and all(getattr(one, "id", "") in made and id(one) in called for one in given)


def _used(node: ast.AST) -> Iterator[tuple[str, int, str]]:
    """What the function uses by name: (name, line, how)."""
    body = [one for statement in getattr(node, "body", ()) for one in shape.done_here(statement)]
    started = {id(one) for call in body if _starts(call) for part in _arguments(call) for one in (part, _callee(part))}
    hooks = {id(one) for call in body if _is_hook(call) for part in _arguments(call) for one in ast.walk(part)}
    called = {id(one.func) for one in body if isinstance(one, ast.Call)}
    for one in body:
        name = shape.simple_name(one)
        if name and isinstance(getattr(one, "ctx", None), ast.Load):
            how = "start" if id(one) in started else "call" if id(one) in called else "hand"
            yield name, getattr(one, "lineno", 0), "hook" if id(one) in hooks else how


def _starts(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and shape.called_name(node) in _STARTERS


def _is_hook(node: ast.AST) -> bool:
    """Whether the call hands on what runs once, before the server serves: `app.on_startup.append(start)`."""
    if not isinstance(node, ast.Call):
        return False
    named = [one.arg or "" for one in node.keywords if one.arg]
    return bool(_AT_START.search(ast.unparse(node.func)) or any(map(_AT_START.search, named)))


def _arguments(call: ast.AST) -> Iterator[ast.expr]:
    if isinstance(call, ast.Call):
        yield from (one.value if isinstance(one, ast.Starred) else one for one in call.args)
        yield from (one.value for one in call.keywords)


def _callee(node: ast.expr) -> ast.AST:
    return node.func if isinstance(node, ast.Call) else node
