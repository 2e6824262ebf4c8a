"""What the application keeps: the large containers and texts that its own variables lead to.

Begins at the globals of modules outside of the libraries, their classes, and the local variables of application code
that is running or suspended; goes on through attributes, small containers, and what functions keep between their calls.
Then come the objects of the application's classes that only a library leads to. Sizes are estimates from samples.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from watchdog.cpython.frames import Frames, LiveFrame
from watchdog.cpython.objects import Objects, plausible
from watchdog.cpython.offsets import (
    CELL_VALUE,
    FUNCTION_CLOSURE,
    FUNCTION_CODE,
    FUNCTION_DEFAULTS,
    MODULE_DICT,
    OBJECT_SIZE,
    TYPE_BASIC_SIZE,
    TYPE_DICT,
    TYPE_FLAGS,
)
from watchdog.model.evidence import Container, Lent
from watchdog.model.records import record
from watchdog.system.clock import Deadline
from watchdog.system.process.memory import Unmapped

_DEEPEST, _MOST_NODES = 5, 20_000
_SMALL = 64  # entries of a container that is looked into
_SAMPLE = 64  # entries that a size is estimated from
_TOLD, _LEAST_LENGTH, _LEAST_SIZE = 40, 50, 1 << 20
_LIBRARY = ("/site-packages/", "/dist-packages/", "/lib/python3", "/lib64/python3", "<")
_HEAP_TYPE, _TYPE_SUBCLASS, _DICT_SUBCLASS, _LIST_SUBCLASS = 1 << 9, 1 << 31, 1 << 29, 1 << 25
# What clients lend from a pool, and take back when it is closed or at its end.
_LENT = frozenset({
    "sqlalchemy.orm.session.Session", "sqlalchemy.ext.asyncio.session.AsyncSession",
    "sqlalchemy.engine.base.Connection", "sqlalchemy.ext.asyncio.engine.AsyncConnection",
    "sqlalchemy.pool.base._ConnectionFairy", "psycopg2.extensions.connection", "psycopg.Connection",
    "psycopg.connection.Connection", "psycopg.connection_async.AsyncConnection", "asyncpg.pool.PoolConnectionProxy",
    "redis.connection.Connection", "pymysql.connections.Connection", "requests.models.Response",
    "httpx.Response", "httpx._models.Response", "urllib3.response.HTTPResponse", "aiohttp.client_reqrep.ClientResponse",
})  # fmt: skip
_TEXTS = {"bytes": 1, "bytearray": 1, "str": 1}


def believable(found: Iterable[Container], memory: int) -> tuple[Container, ...]:
    """Without what cannot be: the target runs on, so a number may be read in the middle of a change. A size that is
    more than the bytes of memory that the process has is wrong: its entries share what they hold."""
    return tuple(
        one if one.size <= memory else replace(one, size=0)
        for one in found
        if one.length * (1 if one.kind in _TEXTS else 8) <= memory
    )


@record(frozen=True)
class _Node:
    address: int
    path: str
    name: str
    file: str
    depth: int
    inside: str = ""  # name of the nearest container on the way


@record(frozen=True)
class Holdings:
    """What the application's variables lead to."""

    containers: tuple[Container, ...]  # the largest, largest first
    lent: tuple[Lent, ...]  # most first


@record(frozen=True)
class Module:
    """A module of the application."""

    name: str
    file: str
    variables: int  # address of its dict


def own_modules(objects: Objects, interpreters: Iterable[int]) -> tuple[Module, ...]:
    """Those that are no libraries."""
    return tuple(one for interpreter in interpreters for one in _modules(objects, interpreter))


def _modules(objects: Objects, interpreter: int) -> Iterator[Module]:
    try:
        for key, module in objects.entries(objects.word(interpreter + objects.offsets.interpreter_modules)):
            if objects.kind(module) != "module":
                continue
            variables = objects.word(module + MODULE_DICT)
            at = objects.lookup(variables, "__file__")
            file = (objects.text(at) if at else None) or ""
            if not is_library(file):
                yield Module(objects.text(key) or "", file, variables)
    except Unmapped:
        return


def is_own_class(objects: Objects, type_: int, modules: Iterable[Module]) -> bool:
    """Whether a class was written in one of these modules."""
    name, _, _class = objects.full_name(type_).rpartition(".")
    return bool(name) and any(one.name == name for one in modules)


def read_holdings(
    frames: Frames,
    modules: Sequence[Module],
    calls: Iterable[LiveFrame],
    found: Mapping[int, Sequence[int]],
    deadline: Deadline,
) -> Holdings:
    """Fewer where the time is over before everything was followed. `found` has objects by type: those of the
    application's classes are looked into."""
    return _Holdings(frames, deadline).read(modules, calls, found)


def is_library(file: str) -> bool:
    """Whether a source file belongs to Python or to an installed package."""
    return not file or any(part in file for part in _LIBRARY)


class _Holdings:
    def __init__(self, frames: Frames, deadline: Deadline) -> None:
        self.frames, self.objects, self.deadline = frames, frames.objects, deadline
        self.found: dict[int, Container] = {}
        self.seen: set[int] = set()
        self.lent: dict[tuple[str, str, str], Lent] = {}

    def read(
        self, modules: Sequence[Module], calls: Iterable[LiveFrame], found: Mapping[int, Sequence[int]]
    ) -> Holdings:
        named = (node for one in modules for node in self.named(one.variables, one.name, one.file, 0))
        self.follow((*self.locals(calls), *named))
        # Afterwards: a variable's name tells more than a class; and of these, whoever there is one of keeps the others.
        for count in sorted({len(addresses) for addresses in found.values()}):
            alike = {type_: addresses for type_, addresses in found.items() if len(addresses) == count}
            self.follow(self.objects_of(modules, alike))
        ranked = sorted(self.found.values(), key=lambda one: (-one.size, -one.length))
        return Holdings(tuple(ranked[:_TOLD]), tuple(sorted(self.lent.values(), key=lambda one: -one.count)))

    def follow(self, roots: Iterable[_Node]) -> None:
        waiting = deque(roots)
        while waiting and len(self.seen) < _MOST_NODES and not self.deadline.over:
            node = waiting.popleft()
            if node.address in self.seen:
                continue
            self.seen.add(node.address)
            try:
                waiting.extend(self.visit(node))
            except Unmapped:
                continue

    def objects_of(self, modules: Sequence[Module], found: Mapping[int, Sequence[int]]) -> Iterator[_Node]:
        """Objects of the application's own classes: an app that a library keeps has no variable of its own."""
        files = {one.name: one.file for one in modules}
        for type_, addresses in found.items():
            name = self.objects.full_name(type_)
            file = files.get(name.rpartition(".")[0])
            for number, address in enumerate(sorted(addresses), 1) if file else ():
                path = f"{name}()" if len(addresses) == 1 else f"{name}() #{number}"
                yield _Node(address, path, name.rpartition(".")[2], file or "", 0)

    def locals(self, calls: Iterable[LiveFrame]) -> Iterator[_Node]:
        for frame in calls:
            if is_library(frame.code.file):
                continue
            for name in frame.code.names:
                value = self.frames.variable(frame, name)
                if value and frame.code.name != "<module>":
                    yield _Node(value, f"{name} in {frame.code.qualified}", name, frame.code.file, 0)

    def named(self, variables: int, path: str, file: str, depth: int) -> Iterator[_Node]:
        """The entries of a dict of variables."""
        try:
            for key, value in self.objects.entries(variables):
                name = self.objects.text(key)
                if name and not name.startswith("__"):
                    yield _Node(value, f"{path}.{name}", name, file, depth)
        except Unmapped:
            return

    def visit(self, node: _Node) -> Iterator[_Node]:
        """Notes the node if it is large, and gives what it leads to."""
        objects = self.objects
        type_ = objects.type_of(node.address)
        kind, flags = objects.type_name(type_), objects.word(type_ + TYPE_FLAGS)
        if objects.full_name(type_) in _LENT:
            self.note_lent(node, objects.full_name(type_))
        elif kind in _TEXTS:
            self.note(node, kind, objects.word(node.address + OBJECT_SIZE), self.size(node.address))
        elif flags & _TYPE_SUBCLASS:
            if objects.word(type_ + TYPE_FLAGS) and node.depth == 0 and self.is_own_class(node):
                yield from self.named(objects.word(node.address + TYPE_DICT), node.path, node.file, node.depth + 1)
        elif (length := self.length(node.address, kind, flags)) is not None:
            yield from self.container(node, kind, length)
        elif kind == "function":
            yield from self.of_function(node)
        elif flags & _HEAP_TYPE and node.depth < _DEEPEST and kind != "module":
            for key, value in objects.attributes(node.address, type_):
                name = objects.text(key)
                if name:
                    yield _Node(value, f"{node.path}.{name}", name, node.file, node.depth + 1, node.inside)

    def of_function(self, node: _Node) -> Iterator[_Node]:
        """What a function of the application keeps between its calls: default values, and variables around it."""
        code = self.frames.code(self.objects.word(node.address + FUNCTION_CODE)) if node.depth < _DEEPEST else None
        if code is None or not code.kinds or is_library(code.file):
            return
        closure, defaults = (self.objects.word(node.address + at) for at in (FUNCTION_CLOSURE, FUNCTION_DEFAULTS))
        cells = [self.objects.word(cell + CELL_VALUE) for cell in (self.objects.items(closure) if closure else ())]
        values = self.objects.items(defaults) if defaults else []
        last = self.frames.argument_count(code)
        arguments = code.names[max(0, last - len(values)) : last]
        for name, value in (*zip(code.free, cells, strict=False), *zip(arguments, values, strict=False)):
            yield _Node(value, f"{name} in {code.qualified}", name, code.file, node.depth + 1, node.inside)

    def container(self, node: _Node, kind: str, length: int) -> Iterator[_Node]:
        values = list(self.values(node.address, kind))
        if values:
            step = max(1, len(values) // _SAMPLE)
            sizes = [self.size(value) for _, value in values[::step]]
            self.note(node, kind, length, 56 + length * 16 + length * sum(sizes) // len(sizes))
        if length <= _SMALL and node.depth < _DEEPEST:
            for key, value in values:
                shown = self.objects.text(key) if key else None
                path = f"{node.path}[{shown!r}]" if shown is not None else f"{node.path}[…]"
                yield _Node(value, path[:200], node.name, node.file, node.depth + 1, node.name)

    def note(self, node: _Node, kind: str, length: int, size: int) -> None:
        if length >= _LEAST_LENGTH or size >= _LEAST_SIZE:
            self.found[node.address] = Container(node.path, node.name, node.file, kind, length, size, node.address)

    def note_lent(self, node: _Node, kind: str) -> None:
        """Where a variable of the application keeps it; who has it in a running call alone is at work with it."""
        state = self.objects.attribute(node.address, "_transaction") if kind.endswith("Session") else 0
        name = node.inside or (node.name if "." in node.path else "")
        if not name or (state and self.objects.kind(state) == "NoneType"):  # a session without a transaction has none
            return
        key = (name, node.file, kind)
        known = self.lent.get(key, Lent(node.path, name, node.file, kind, 0))
        self.lent[key] = replace(known, count=known.count + 1)

    def is_own_class(self, node: _Node) -> bool:
        """Whether the class was written in the module through which it was reached, not imported there."""
        module = self.objects.lookup(self.objects.word(node.address + TYPE_DICT), "__module__")
        return bool(module) and self.objects.text(module or 0) == node.path.rpartition(".")[0]

    def length(self, address: int, kind: str, flags: int) -> int | None:
        """How many entries a container has; None if it is none."""
        if flags & (_DICT_SUBCLASS | _LIST_SUBCLASS) or kind in ("collections.deque", "tuple"):
            return self.objects.word(address + OBJECT_SIZE)
        return self.objects.word(address + 24) if kind in ("set", "frozenset") else None

    def values(self, address: int, kind: str) -> Iterator[tuple[int, int]]:
        """(key or 0, value) addresses, at most some thousand."""
        objects = self.objects
        if kind in ("set", "frozenset"):
            table, mask = objects.word(address + 40), objects.word(address + 32)
            for place in range(min(mask + 1, 4 * _SAMPLE)):
                if plausible(entry := objects.word(table + 16 * place)):
                    yield 0, entry
        elif kind == "collections.deque":
            block, first = objects.word(address + 24), objects.word(address + 40)
            for place in range(first, min(64, first + objects.word(address + OBJECT_SIZE))):
                yield 0, objects.word(block + 8 + 8 * place)
        elif kind == "list" or kind == "tuple":
            for item in objects.items(address):
                yield 0, item
        else:
            yield from objects.entries(address)

    def size(self, address: int) -> int:
        """Bytes of one object alone, roughly."""
        objects = self.objects
        try:
            type_ = objects.type_of(address)
            kind, length = objects.type_name(type_), objects.word(address + OBJECT_SIZE)
            if kind in ("bytes", "bytearray"):
                return 33 + length
            if kind == "str":
                return 50 + length * (objects.word(address + 32) >> 2 & 7)
            if kind in ("list", "tuple", "dict", "set", "collections.deque"):
                return 56 + 16 * min(length, 1 << 24)
            return objects.word(type_ + TYPE_BASIC_SIZE)
        except (Unmapped, struct.error):
            return 0
