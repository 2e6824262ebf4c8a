"""Which locks a function holds, and which one it wants, at a place in its source: read from the syntax alone.

`with X:` around the place holds X; `X.acquire()` before it, with no `X.release()` in between, holds X. The `with` item
or the `acquire` call at the place itself is wanted. Where the syntax leaves two answers there is none.
"""

from __future__ import annotations

import ast
import inspect
import re
import tokenize
from collections.abc import Iterable, Sequence

from watchdog.cpython.linetable import Position
from watchdog.model.records import record

# Methods that take a lock and give it back, those of a readers' and writers' lock included.
_SIDES = "(r|w|read|reader|write|writer|shared|exclusive)"
_ENTERS = re.compile(rf"acquire|__a?enter__|(acquire|lock|enter|begin)_{_SIDES}(_lock)?|{_SIDES}_?(acquire|lock)")
_GIVES_BACK = re.compile(
    rf"release|__exit__|(release|unlock|leave|exit|end)_{_SIDES}(_lock)?|{_SIDES}_?(release|unlock)"
)
_LEAVES = (ast.Return, ast.Raise, ast.Continue, ast.Break)
_LONGEST = 80  # characters of an expression that are shown
_NESTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
Step = tuple[str, str | int]  # ("attribute", name), ("key", constant) or ("variable", name)


@record(frozen=True)
class Reference:
    """How an expression leads to its object: a name, then attributes and items."""

    root: str
    steps: tuple[Step, ...] = ()


@record(frozen=True)
class LockUse:
    """One lock at one place."""

    expression: str
    line: int
    how: str  # with, acquire
    reference: Reference | None  # None: more than names, attributes and items


@record(frozen=True)
class LockUses:
    """`blocks` are the `with` items around the place that have been entered, outermost first; `candidates` are items
    of one `with` on one line, of which the syntax cannot tell which is being entered."""

    blocks: tuple[LockUse, ...] = ()
    acquired: tuple[LockUse, ...] = ()
    wanted: LockUse | None = None
    candidates: tuple[LockUse, ...] = ()


NOTHING = LockUses()


def parse_function(lines: Sequence[str], name: str, first_line: int) -> ast.AST | None:
    """The syntax tree of one function whose `def` (or first decorator) stands at this line; None if it does not."""
    if name == "<module>":
        try:
            return ast.parse("".join(lines))
        except (SyntaxError, ValueError, RecursionError):
            return None
    if name.startswith("<") or not 0 < first_line <= len(lines):
        return None
    try:
        block = inspect.getblock(list(lines[first_line - 1 :]))
        indented = block[0][:1] in (" ", "\t")
        tree = ast.parse(("if 1:\n" if indented else "\n") + "".join(block))
    except (SyntaxError, ValueError, RecursionError, IndexError, tokenize.TokenError):
        return None
    found = next((node for node in ast.walk(tree) if isinstance(node, _NESTED[:2])), None)
    if found is None or found.name != name:
        return None
    if min(one.lineno for one in (found, *found.decorator_list)) != 2:
        return None  # it begins further down: this is the source of another version
    ast.increment_lineno(found, first_line - 2)
    return found


def lock_uses(function: ast.AST, trail: Sequence[Position]) -> LockUses:
    """The locks at a place of this function. `trail` are the positions of its instructions up to that place, which is
    the last one; a single position will do where no more is known."""
    body = getattr(function, "body", None)
    if not isinstance(body, list) or not trail:
        return NOTHING
    walker = _Walker(trail)
    if not walker.block(body):
        return NOTHING
    return LockUses(tuple(walker.blocks), tuple(walker.acquired), walker.wanted, tuple(walker.candidates))


class _Walker:
    """Goes from the top of a function to the place, and keeps what is held on the way."""

    def __init__(self, trail: Sequence[Position]) -> None:
        self.trail, self.here = trail, trail[-1]
        self.blocks: list[LockUse] = []
        self.acquired: list[LockUse] = []
        self.wanted: LockUse | None = None
        self.candidates: list[LockUse] = []

    def block(self, statements: Iterable[ast.stmt]) -> bool:
        """Whether the place is in one of these statements; what is held there is known then."""
        for statement in statements:
            if self.contains(statement):
                self.inside(statement)
                return True
            self.passed(statement)
        return False

    def branch(self, statements: Sequence[ast.stmt]) -> bool:
        """`block` for statements that were not executed if the place is not among them."""
        before = list(self.acquired)
        if self.block(statements):
            return True
        self.acquired = before
        return False

    def contains(self, node: ast.AST) -> bool:
        line, column = self.here.line, self.here.column
        first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0) or 0
        for decorator in getattr(node, "decorator_list", ()):
            first = min(first, decorator.lineno)
        if column is None or not first <= line <= last:
            return bool(first <= line <= last)
        starts = (first, getattr(node, "col_offset", 0)) <= (line, column)
        return bool(starts and (line, column) < (last, getattr(node, "end_col_offset", 0) or 0))

    def inside(self, statement: ast.stmt) -> None:
        if isinstance(statement, _NESTED):
            return
        if isinstance(statement, ast.With | ast.AsyncWith):
            self.inside_with(statement)
        elif isinstance(statement, ast.Try | ast.TryStar):
            self.inside_try(statement)
        elif isinstance(statement, ast.If | ast.While):
            self.inside_test(statement)
        elif isinstance(statement, ast.For | ast.AsyncFor):
            if not (self.branch(statement.body) or self.branch(statement.orelse)):
                self.want(statement.iter)
        elif isinstance(statement, ast.Match):
            if not any(self.branch(case.body) for case in statement.cases):
                self.want(statement.subject)
        else:
            self.want(statement)

    def inside_with(self, statement: ast.With | ast.AsyncWith) -> None:
        uses = [_use(item.context_expr, "with") for item in statement.items]
        first = statement.body[0]
        begins = (first.lineno, first.col_offset)
        for decorator in getattr(first, "decorator_list", ()):
            begins = min(begins, (decorator.lineno, decorator.col_offset))
        column = self.here.column
        one_line = first.lineno == statement.lineno
        if column is None and one_line and self.here.line == first.lineno:
            return  # head and body on one line, and no column to tell them apart
        if (self.here.line, column if column is not None else begins[1]) >= begins:
            self.blocks += uses
            self.block(statement.body)
            return
        place = self.item_at(statement)
        if place is None:
            self.candidates = uses
        else:
            self.blocks += uses[:place]
            self.wanted = uses[place]

    def item_at(self, statement: ast.With | ast.AsyncWith) -> int | None:
        """Which item of the head the place belongs to. Up to 3.12 the instruction that enters stands at the whole
        statement, so the last item whose expression was evaluated before it is the one."""
        if len(statement.items) == 1:
            return 0
        spans = [item.context_expr for item in statement.items]
        if self.here.column is None:
            on_line = [place for place, node in enumerate(spans) if self.contains(node)]
            return on_line[0] if len(on_line) == 1 else None
        found = None
        for position in self.trail:
            for place, node in enumerate(spans):
                if _within(position, node):
                    found = place
        return found

    def inside_try(self, statement: ast.Try | ast.TryStar) -> None:
        if self.block(statement.body):
            return
        # `block` has passed every statement of the body by now: what it acquired may be held in what follows.
        if not any(self.branch(handler.body) for handler in statement.handlers) and not self.branch(statement.orelse):
            self.block(statement.finalbody)

    def inside_test(self, statement: ast.If | ast.While) -> None:
        test = statement.test
        negated = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
        lock = _acquire(test.operand if isinstance(test, ast.UnaryOp) and negated else test)
        before = list(self.acquired)
        for body, has_it in ((statement.body, not negated), (statement.orelse, negated)):
            if lock is not None and has_it:
                self.acquired.append(_use(lock, "acquire"))
            if self.branch(body):
                return
            self.acquired = list(before)
        self.want(test)

    def want(self, node: ast.AST) -> None:
        """The one acquire call at the place."""
        calls = [call for call in _calls(node) if _ENTERS.fullmatch(call.func.attr) and self.contains(call)]  # type: ignore[attr-defined]
        if self.here.column is not None:
            exact = [call for call in calls if (call.lineno, call.col_offset) == (self.here.line, self.here.column)]
            calls = exact or calls
        if len(calls) == 1:
            self.wanted = _use(calls[0].func.value, "acquire", calls[0].lineno)  # type: ignore[attr-defined]

    def passed(self, statement: ast.stmt) -> None:
        """A statement before the place: what it acquires for sure is held from there, what it may release is not."""
        if isinstance(statement, _NESTED):
            return
        for call in _calls(statement):
            if _GIVES_BACK.fullmatch(call.func.attr):  # type: ignore[attr-defined]
                gone = ast.unparse(call.func.value)  # type: ignore[attr-defined]
                self.acquired = [use for use in self.acquired if use.expression != gone[:_LONGEST]]
        if isinstance(statement, ast.If):
            self.passed_guard(statement)
        elif isinstance(statement, ast.Expr | ast.Assign):
            lock = _acquire(statement.value)
            if lock is not None and _waits(statement.value):
                self.acquired.append(_use(lock, "acquire"))
        elif isinstance(statement, ast.Try | ast.TryStar) and not statement.finalbody:
            for inner in statement.body:
                if isinstance(inner, ast.Expr):
                    self.passed(inner)

    def passed_guard(self, statement: ast.If) -> None:
        """`if not X.acquire(timeout=1): return`: the code behind it has the lock."""
        test = statement.test
        if not (isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)) or statement.orelse:
            return
        lock = _acquire(test.operand)
        if lock is not None and isinstance(statement.body[-1], _LEAVES):
            self.acquired.append(_use(lock, "acquire"))


def _calls(node: ast.AST) -> list[ast.Call]:
    """Method calls in a statement, without those of functions defined in it."""
    found: list[ast.Call] = []
    stack: list[ast.AST] = [node]
    while stack:
        here = stack.pop()
        if isinstance(here, ast.Call) and isinstance(here.func, ast.Attribute):
            found.append(here)
        stack += [child for child in ast.iter_child_nodes(here) if not isinstance(child, _NESTED)]
    return found


def _acquire(node: ast.expr) -> ast.expr | None:
    """X, if the expression is `X.acquire(…)` or `await X.acquire(…)`."""
    call = node.value if isinstance(node, ast.Await) else node
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _ENTERS.fullmatch(call.func.attr):
        return call.func.value
    return None


def _waits(node: ast.expr) -> bool:
    """Whether the acquire call returns only with the lock: no time-out, not `blocking=False`."""
    call = node.value if isinstance(node, ast.Await) else node
    if not isinstance(call, ast.Call) or len(call.args) > 1:
        return False
    values = [*call.args, *(word.value for word in call.keywords if word.arg == "blocking")]
    known = all(isinstance(value, ast.Constant) and value.value for value in values)
    return known and all(word.arg == "blocking" for word in call.keywords)


def _use(node: ast.expr, how: str, line: int | None = None) -> LockUse:
    return LockUse(ast.unparse(node)[:_LONGEST], line or node.lineno, how, _reference(node))


def _reference(node: ast.expr) -> Reference | None:
    steps: list[Step] = []
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute):
            steps.append(("attribute", node.attr))
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Name):
            steps.append(("variable", node.slice.id))
        elif (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, str | int)
        ):
            steps.append(("key", node.slice.value))
        else:
            return None
        node = node.value
    return Reference(node.id, tuple(reversed(steps)))


def _within(position: Position, node: ast.AST) -> bool:
    if position.column is None:
        return False
    first = (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
    last = (getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0))
    return first <= (position.line, position.column) < last
