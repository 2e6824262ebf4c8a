"""Which locks are held and wanted at a place, told by the syntax alone."""

from __future__ import annotations

import textwrap

import pytest

from watchdog.cpython.linetable import Position
from watchdog.cpython.lock_syntax import LockUses, Reference, lock_uses, parse_function


def uses(source: str, column: int | None = None) -> LockUses:
    """The uses at the line that is marked with `# here`, in the first function of the source."""
    lines = textwrap.dedent(source).strip("\n").splitlines(keepends=True)
    here = next(number for number, line in enumerate(lines, 1) if "# here" in line)
    first = next(
        number for number, line in enumerate(lines, 1) if line.lstrip().startswith(("def ", "async def ", "@"))
    )
    name = next(line for line in lines if "def " in line).split("def ")[1].partition("(")[0]
    function = parse_function(lines, name, first)
    assert function is not None
    return lock_uses(function, [Position(here, here, column, None)])


def held(source: str) -> list[str]:
    found = uses(source)
    return [use.expression for use in (*found.blocks, *found.acquired)]


def wanted(source: str, column: int | None = None) -> str | None:
    found = uses(source, column).wanted
    return found.expression if found else None


def test_blocks_around_a_line_are_held_from_the_outside_in() -> None:
    source = """
        def transfer(self):
            with self.lock, other:
                with table["cash"]:
                    work()  # here
    """
    assert held(source) == ["self.lock", "other", "table['cash']"]


def test_the_block_on_the_line_itself_is_wanted_and_not_held() -> None:
    source = """
        def transfer():
            with cash:
                with bank:  # here
                    pass
    """
    assert (held(source), wanted(source)) == (["cash"], "bank")


def test_an_asynchronous_block_counts_like_any_other() -> None:
    source = """
        async def transfer():
            async with cash:
                async with bank:  # here
                    pass
    """
    assert (held(source), wanted(source)) == (["cash"], "bank")


def test_a_block_that_was_left_is_held_no_more() -> None:
    source = """
        def transfer():
            with cash:
                pass
            work()  # here
    """
    assert held(source) == []


def test_an_acquire_call_before_the_line_is_held_until_its_release() -> None:
    source = """
        def transfer(self):
            self.lock.acquire()
            try:
                work()  # here
            finally:
                self.lock.release()
    """
    assert held(source) == ["self.lock"]


def test_a_release_in_between_ends_it() -> None:
    source = """
        def transfer():
            cash.acquire()
            cash.release()
            work()  # here
    """
    assert held(source) == []


def test_a_release_that_may_have_happened_gives_no_answer() -> None:
    source = """
        def transfer(done):
            cash.acquire()
            if done:
                cash.release()
            work()  # here
    """
    assert held(source) == []


@pytest.mark.parametrize(
    ("takes", "gives_back"),
    [("acquire_read", "release_read"), ("read_lock", "read_unlock"), ("lock_shared", "unlock_shared")],
)
def test_a_lock_with_two_sides_is_held_until_it_is_given_back_by_the_method_of_that_side(
    takes: str, gives_back: str
) -> None:
    code = (
        f"def f(self):\n    self.gate.{takes}()\n    work()  # here\n    self.gate.{gives_back}()\n    rest()  # there"
    )
    assert held(code) == ["self.gate"]
    assert held(code.replace("  # here", "").replace("  # there", "  # here")) == []


@pytest.mark.parametrize("call", ["cash.acquire(timeout=1)", "cash.acquire(False)", "cash.acquire(blocking=False)"])
def test_an_acquire_that_may_fail_is_not_believed(call: str) -> None:
    assert held(f"def f():\n    {call}\n    work()  # here\n") == []


def test_an_acquire_that_was_asked_for_is_believed() -> None:
    source = """
        def transfer():
            if cash.acquire(timeout=1):
                work()  # here
    """
    assert held(source) == ["cash"]


def test_behind_a_guard_that_leaves_the_lock_is_held() -> None:
    source = """
        def transfer():
            if not cash.acquire(timeout=1):
                raise Busy
            work()  # here
    """
    assert held(source) == ["cash"]


@pytest.mark.parametrize("test", ["if cash", "if not cash", "while not cash"])
def test_who_still_waits_in_the_test_of_a_branch_wants_the_lock_and_does_not_hold_it(test: str) -> None:
    source = f"""
        def transfer():
            {test}.acquire(timeout=1):  # here
                return None
            work()
    """
    found = uses(source)
    assert [use.expression for use in found.acquired] == []
    assert found.wanted is not None and found.wanted.expression == "cash"


def test_the_other_branch_holds_nothing() -> None:
    source = """
        def transfer(kind):
            if kind:
                cash.acquire()
            else:
                work()  # here
    """
    assert held(source) == []


def test_in_the_last_part_of_a_try_the_lock_is_held_until_it_is_released() -> None:
    source = """
        def transfer():
            cash.acquire()
            try:
                work()
            finally:
                report()  # here
                cash.release()
    """
    assert held(source) == ["cash"]


def test_an_acquire_call_on_the_line_is_wanted() -> None:
    source = """
        def transfer(self):
            with cash:
                self.bank.lock.acquire()  # here
    """
    assert (held(source), wanted(source)) == (["cash"], "self.bank.lock")


def test_an_awaited_acquire_is_wanted_and_then_held() -> None:
    before = "async def f():\n    await lock.acquire()  # here\n    work()\n"
    after = "async def f():\n    await lock.acquire()\n    await work()  # here\n"
    assert (wanted(before), held(after)) == ("lock", ["lock"])


def test_two_items_on_one_line_are_told_apart_by_the_column() -> None:
    source = """
        def transfer():
            with cash, bank:  # here
                pass
    """
    assert wanted(source) is None, "without a column there are two answers, so there is none"
    assert [use.expression for use in uses(source).candidates] == ["cash", "bank"]
    assert (wanted(source, 9), wanted(source, 15)) == ("cash", "bank")


def test_items_on_lines_of_their_own_need_no_column() -> None:
    source = """
        def transfer():
            with (
                cash,
                bank,  # here
            ):
                pass
    """
    assert (held(source), wanted(source)) == (["cash"], "bank")


def test_up_to_3_12_the_item_evaluated_last_is_the_one_that_is_entered() -> None:
    lines = ["def transfer():\n", "    with cash, bank:\n", "        pass\n"]
    function = parse_function(lines, "transfer", 1)
    assert function is not None
    whole = Position(2, 3, 4, 12)  # the instruction that enters stands at the whole statement
    first = lock_uses(function, [Position(2, 2, 9, 13), whole])
    second = lock_uses(function, [Position(2, 2, 9, 13), whole, Position(2, 2, 15, 19), whole])
    assert first.wanted is not None and first.wanted.expression == "cash"
    assert second.wanted is not None and second.wanted.expression == "bank"
    assert [use.expression for use in second.blocks] == ["cash"]


def test_a_reference_leads_from_a_name_over_attributes_and_items() -> None:
    found = uses("def f(self):\n    with self.table[key].locks[0]:  # here\n        pass\n").wanted
    assert found is not None
    assert found.reference == Reference(
        "self", (("attribute", "table"), ("variable", "key"), ("attribute", "locks"), ("key", 0))
    )


def test_what_is_called_to_get_the_lock_has_no_reference() -> None:
    found = uses("def f(self):\n    with lock_of(self):  # here\n        pass\n").wanted
    assert found is not None and (found.expression, found.reference) == ("lock_of(self)", None)


def test_a_method_deep_in_a_class_is_found_by_its_first_line() -> None:
    lines = ["class A:\n", "    @cached\n", "    def f(self):\n", "        with self.lock:\n", "            g()\n"]
    function = parse_function(lines, "f", 2)
    assert function is not None
    assert [use.expression for use in lock_uses(function, [Position(5)]).blocks] == ["self.lock"]


def test_a_function_defined_inside_is_not_the_one_that_holds() -> None:
    source = """
        def outer():
            with cash:
                def inner():
                    work()  # here
    """
    assert uses(source).blocks[0].expression == "cash"  # of outer's own frame, which made `inner` there
    assert wanted(source) is None


@pytest.mark.parametrize(("name", "line"), [("other", 1), ("f", 2), ("f", 99), ("<lambda>", 1)])
def test_a_source_that_does_not_fit_tells_nothing(name: str, line: int) -> None:
    assert parse_function(["def f():\n", "    pass\n"], name, line) is None


def test_broken_source_tells_nothing() -> None:
    assert parse_function(["def f(:\n", "  '''\n"], "f", 1) is None


def test_a_function_that_begins_further_down_is_another_version_of_it() -> None:
    lines = ["def take():\n", "    left()\n", "\n", "@once\n", "def level():\n", "    pass\n"]
    assert parse_function(lines, "level", 2) is None
    assert parse_function(lines, "level", 4) is not None
