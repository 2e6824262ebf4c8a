"""The source of a live frame, read for its locks: what each frame holds and wants at the place where it stands."""

from __future__ import annotations

import ast
from functools import partial

from watchdog.cpython.frames import Code, Frames, LiveFrame
from watchdog.cpython.linetable import Position, trail
from watchdog.cpython.lock_objects import LockObject, LockObjects, follow
from watchdog.cpython.lock_stacks import LockStacks
from watchdog.cpython.lock_syntax import NOTHING, LockUse, LockUses, lock_uses, parse_function
from watchdog.system.disk.sources import StartedSources

_SLOTS = 40  # of a value stack, looked at where its height is not known
_GENERATOR_MANAGER = "contextlib._GeneratorContextManager"
_UNNAMED = LockUse("", 0, "with", None)


class LockPlaces:
    """Sources are read once; one that is missing, or newer than the process, tells nothing."""

    def __init__(self, pid: int, started: float, frames: Frames, locks: LockObjects) -> None:
        self.frames, self.locks, self.objects = frames, locks, frames.objects
        self._sources = StartedSources(pid, started)
        self._stacks = LockStacks(frames, locks)
        self._lines: dict[str, list[str] | None] = {}
        self._trees: dict[int, ast.AST | None] = {}
        self._uses: dict[tuple[int, int], LockUses] = {}

    def uses(self, frame: LiveFrame) -> LockUses:
        """What the syntax says of this place."""
        key = (frame.code.address, frame.offset)
        if key not in self._uses:
            tree = self._tree(frame.code)
            code, version = frame.code, self.frames.offsets.version
            positions = trail(code.table, code.first_line, frame.offset, version) or (Position(code.first_line),)
            self._uses[key] = lock_uses(tree, positions) if tree is not None else NOTHING
        return self._uses[key]

    def held(self, frame: LiveFrame) -> list[tuple[LockObject, LockUse]]:
        """The locks that a frame in the middle of a call has taken, outermost first."""
        uses = self.uses(frame)
        if self._is_sourceless(frame):
            entered = (self._entered(manager, _UNNAMED) for manager in self._stacks.entered(frame))
            return [(lock, self._stacks.use(frame, lock)) for found in entered for lock, _ in found]
        if not (uses.blocks or uses.acquired):
            return []
        found: list[tuple[LockObject, LockUse]] = []
        managers = self.locks.managers(self.frames.stack(frame, _SLOTS))
        for place, use in enumerate(uses.blocks):
            found += self._entered(managers[place] if place < len(managers) else self.resolve(frame, use), use)
        for use in uses.acquired:
            lock = self._lock(self.resolve(frame, use))
            if lock is not None:
                found.append((lock, use))
        return found

    def managers(self, frame: LiveFrame) -> list[tuple[int, LockUse]]:
        """The objects whose `with` blocks a frame in the middle of a call is in, outermost first."""
        if self._is_sourceless(frame):
            use = LockUse("", frame.position.line, "with", None)
            return [(manager, use) for manager in self._stacks.entered(frame)]
        blocks = self.uses(frame).blocks
        managers = self.locks.managers(self.frames.stack(frame, _SLOTS)) if blocks else []
        return list(zip(managers, blocks, strict=False))

    def wanted(self, frame: LiveFrame) -> tuple[LockObject, LockUse] | None:
        """The lock whose taking stands at the frame's place; None if there is none or it is not a lock."""
        if self._is_sourceless(frame):
            return self._stacks.wanted(frame)
        use = self.uses(frame).wanted
        lock = self._lock(self.resolve(frame, use)) if use is not None else None
        return (lock, use) if lock is not None and use is not None else None

    def resolve(self, frame: LiveFrame, use: LockUse) -> int | None:
        """The object that the expression means."""
        if use.reference is None:
            return None
        start = self.frames.variable(frame, use.reference.root)
        indexes = {
            str(name): self.frames.variable(frame, str(name))
            for kind, name in use.reference.steps
            if kind == "variable"
        }
        return follow(self.objects, start, use.reference, indexes) if start else None

    def _entered(self, manager: int | None, use: LockUse) -> list[tuple[LockObject, LockUse]]:
        lock = self._lock(manager)
        if lock is not None:
            return [(lock, use)]
        if not manager or self.objects.full_kind(manager) != _GENERATOR_MANAGER:
            return []
        # A function under @contextmanager: the locks are held by its generator, which waits at its yield.
        generator = self.objects.attribute(manager, "gen")
        if not generator or self.objects.kind(generator) != "generator":
            return []
        inside = self.frames.of_generator(generator)
        return [(inner, use) for inner, _ in self.held(inside)] if inside is not None else []

    def _is_sourceless(self, frame: LiveFrame) -> bool:
        """Whether no source fits: the file was moved, replaced or deleted, or never existed."""
        return self._tree(frame.code) is None

    def _lock(self, address: int | None) -> LockObject | None:
        return self.locks.look(address) if address else None

    def _tree(self, code: Code) -> ast.AST | None:
        if code.address not in self._trees:
            lines = self._source(code)
            self._trees[code.address] = parse_function(lines, code.name, code.first_line) if lines else None
        return self._trees[code.address]

    def _source(self, code: Code) -> list[str] | None:
        """The lines of its file; the first code that asks for them tells whether they fit."""
        if code.file not in self._lines:
            text = self._sources.text(code.file, bool if code.name.startswith("<") else partial(_has, code))
            self._lines[code.file] = text.splitlines(keepends=True) if text is not None else None
        return self._lines[code.file]


def _has(code: Code, text: str) -> bool:
    """Whether a function of that name begins at its line of the text."""
    return parse_function(text.splitlines(keepends=True), code.name, code.first_line) is not None
