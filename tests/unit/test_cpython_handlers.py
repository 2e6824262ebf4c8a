"""How high a value stack certainly is, by the table of the code's handlers."""

from __future__ import annotations

import dis
import sys
import threading

import pytest

from watchdog.cpython.lock_stacks import height_at

first, second = threading.Lock(), threading.Lock()


def nested(items: list[int]) -> None:
    with first:
        for _ in items:
            with second:
                items.clear()
        items.append(1)
    items.pop()


@pytest.mark.skipif(sys.version_info < (3, 11), reason="this Python has no table of handlers")
def test_the_height_is_that_of_the_blocks_around_the_call() -> None:
    table = nested.__code__.co_exceptiontable
    named = {str(one.argval): one.offset for one in dis.get_instructions(nested)}
    clear, append, pop = (height_at(table, named[name]) for name in ("clear", "append", "pop"))
    assert clear > append > pop == 0
    assert height_at(b"", 4) == 0
