"""Who holds and who waits for which lock.

Where the interpreter's memory could be read, the answer is in the look at it already (`evidence/tasks.py`). Where its
inside is unknown, stacks with the addresses of local variables and the source's syntax tell a part of it: a lock is
known by the address of a local variable (and the attributes from there), or by the name of a global in its file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

from watchdog.cpython.linetable import Position
from watchdog.cpython.lock_syntax import LockUse, Reference, lock_uses
from watchdog.model.evidence import Frame, LockLook, LockPoint, StackLook, TaskLook, ThreadStack
from watchdog.model.records import record
from watchdog.system.child import child_call
from watchdog.system.disk.sources import StartedSources
from watchdog.system.process import processes

_ENTERING = ("__enter__", "acquire")
_RUNTIME = ("/threading.py", "/logging/__init__.py")  # where the standard library takes a lock for its caller
_SIGNS = ("wait", "_wait_for_tstate_lock", "join")
_WAITING = ("/threading.py", "/queue.py", "/concurrent/futures/_base.py")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SECONDS = 1.5


@record(frozen=True)
class LockState:
    """What the memory at a lock's address says."""

    type_name: str
    owner: int | None = None  # ident of a thread, of an RLock that is taken


def read_locks(looks: Sequence[StackLook], tasks: Sequence[TaskLook]) -> LockLook:
    """The locks of all processes looked at; of each process the last look counts. `LockPoint.lock` is per process."""
    stacks = {look.pid: look for look in looks if look.error is None}
    memories = {look.pid: look for look in tasks if look.error is None}
    held: list[LockPoint] = []
    wanted: list[LockPoint] = []
    for look in memories.values():
        names = {thread.tid: thread.name for thread in stacks[look.pid].threads} if look.pid in stacks else {}
        held += [_named(point, names) for point in look.locks.held]
        wanted += [_named(point, names) for point in look.locks.wanted]
    for pid, stack in stacks.items():
        if pid not in memories:
            found = _from_stacks(stack)
            held += found.held
            wanted += found.wanted
    return LockLook(tuple(held), tuple(wanted))


def _named(point: LockPoint, names: dict[int | None, str]) -> LockPoint:
    return point if point.thread or point.tid is None else replace(point, thread=names.get(point.tid, ""))


def _from_stacks(look: StackLook) -> LockLook:
    sources = _Sources(look.pid)
    held: list[tuple[LockPoint, ThreadStack]] = []
    wanted: list[tuple[LockPoint, ThreadStack]] = []
    undecided: list[tuple[list[LockPoint], ThreadStack]] = []
    for thread in look.threads:
        inside = _waiting_for_caller(thread)
        for place, frame in enumerate(thread.frames[inside:], inside):
            tree = sources.function(frame)
            if tree is None:
                continue
            uses = lock_uses(tree, [Position(frame.line)])
            # A thread that waits on a condition has let go of the lock of the innermost block around the wait.
            blocks = uses.blocks[:-1] if inside and place == inside else uses.blocks
            held += [(point, thread) for use in (*blocks, *uses.acquired) for point in _points(thread, frame, use)]
            if inside or thread.active or not _waits_here(thread, place):
                continue
            if uses.wanted is not None:
                wanted += [(point, thread) for point in _points(thread, frame, uses.wanted)]
            undecided.append(([point for use in uses.candidates for point in _points(thread, frame, use)], thread))
    _decide(undecided, held, wanted)
    return _judged(look.pid, held, wanted)


def _decide(
    undecided: list[tuple[list[LockPoint], ThreadStack]],
    held: list[tuple[LockPoint, ThreadStack]],
    wanted: list[tuple[LockPoint, ThreadStack]],
) -> None:
    """Of several locks on one line, taken in turn, a thread stands at the first one that another thread holds."""
    for points, thread in undecided:
        others = {point.lock for point, holder in held if holder is not thread}
        place = next((place for place, point in enumerate(points) if point.lock in others), None)
        if place is not None:
            held += [(point, thread) for point in points[:place]]
            wanted.append((points[place], thread))


def _waiting_for_caller(thread: ThreadStack) -> int:
    """How many of the innermost calls are the standard library's way to wait for a sign (event, queue, join)."""
    if not thread.frames or thread.frames[0].function.rpartition(".")[2] not in _SIGNS:
        return 0
    library = [frame.file.endswith(_WAITING) for frame in thread.frames]
    return library.index(False) if False in library else len(library)


def _waits_here(thread: ThreadStack, place: int) -> bool:
    """Whether the frame is the innermost one, but for those in which the standard library takes a lock for it."""
    return all(
        frame.function.rpartition(".")[2] in _ENTERING and frame.file.endswith(_RUNTIME)
        for frame in thread.frames[:place]
    )


def _points(thread: ThreadStack, frame: Frame, use: LockUse) -> Iterator[LockPoint]:
    name = _identity(frame, use.reference)
    if name:
        at = Frame(frame.function, frame.file, use.line)
        yield LockPoint(thread.pid, thread.tid, thread.name, name, use.expression, "unknown", at)


def _identity(frame: Frame, reference: Reference | None) -> str:
    """Text that is the same for the same lock; empty where the syntax leads further than it can tell."""
    if reference is None or any(kind == "variable" for kind, _ in reference.steps):
        return ""
    path = "".join(f".{name}" if kind == "attribute" else f"[{name!r}]" for kind, name in reference.steps)
    local = next((one for one in frame.locals if one.name == reference.root), None)
    return f"{local.address:#x}{path}" if local is not None else f"{frame.file}:{reference.root}{path}"


def _judged(
    pid: int, held: list[tuple[LockPoint, ThreadStack]], wanted: list[tuple[LockPoint, ThreadStack]]
) -> LockLook:
    """Kinds and owners from memory, for the locks whose own address is known; other kinds of objects are left out."""
    addresses = {int(point.lock, 16) for point, _ in (*held, *wanted) if _is_address(point.lock)}
    states = lock_states(pid, tuple(sorted(addresses))) if addresses else {}

    def judged(point: LockPoint, thread: ThreadStack) -> LockPoint | None:
        state = states.get(int(point.lock, 16)) if _is_address(point.lock) else None
        if state is None:
            return point
        kind = {"_thread.lock": "Lock", "_thread.RLock": "RLock", "Condition": "Condition"}.get(state.type_name)
        foreign = state.owner is not None and state.owner != thread.ident
        if kind is None or (foreign and (point, thread) in held):
            return None
        return replace(point, kind=kind, owner=state.owner)

    kept = [tuple(found for one in points if (found := judged(*one)) is not None) for points in (held, wanted)]
    return LockLook(kept[0], kept[1])


def _is_address(text: str) -> bool:
    return text.startswith("0x") and "." not in text and "[" not in text


def lock_states(pid: int, addresses: tuple[int, ...]) -> dict[int, LockState]:
    """What stands at these addresses, in any CPython of 64 bits: the type's name and an RLock's owner are where they
    have been since 3.10."""
    found = child_call.call("watchdog.cpython.lock_memory:read_states", (pid, addresses), _SECONDS)
    return {address: LockState(*state) for address, state in found.items()} if isinstance(found, dict) else {}


class _Sources:
    """Syntax trees of the files in a stack, each read once; a file newer than its process tells nothing."""

    def __init__(self, pid: int) -> None:
        process = processes.read(pid)
        self._sources = StartedSources(pid, process.started if process is not None else 0.0)
        self._trees: dict[str, ast.Module | None] = {}
        self._functions: dict[Frame, ast.AST | None] = {}

    def function(self, frame: Frame) -> ast.AST | None:
        """The innermost function of the frame's name around its line."""
        place = replace(frame, locals=())
        if place not in self._functions:
            self._functions[place] = self._find(place)
        return self._functions[place]

    def _find(self, frame: Frame) -> ast.AST | None:
        tree = self._tree(frame.file)
        name = frame.function.rpartition(".")[2]
        if tree is None or name == "<module>":
            return tree
        around = [
            node
            for node in ast.walk(tree)
            if isinstance(node, _FUNCTIONS) and node.lineno <= frame.line <= (node.end_lineno or 0)
        ]
        innermost = max(around, key=lambda node: node.lineno, default=None)
        return innermost if innermost is not None and innermost.name == name else None

    def _tree(self, path: str) -> ast.Module | None:
        if path not in self._trees:
            text = self._sources.text(path)
            self._trees[path] = _parsed(text) if text is not None else None
        return self._trees[path]


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return None
