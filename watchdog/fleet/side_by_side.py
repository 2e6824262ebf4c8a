"""The same work for many hosts at a time, in threads that nobody waits for once the command is over."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(work: Callable[[_Item], _Result], items: Sequence[_Item], at_once: int) -> Iterator[_Result]:
    """Each result as it comes, at most `at_once` under way. An exception of the work is raised here."""
    waiting: queue.SimpleQueue[_Item] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    done: queue.SimpleQueue[_Result | BaseException] = queue.SimpleQueue()

    def take_turns() -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                done.put(work(item))
            except BaseException as error:  # noqa: BLE001 - raised where the results are taken
                done.put(error)

    for number in range(min(at_once, len(items))):
        threading.Thread(target=take_turns, daemon=True, name=f"wd-host-{number}").start()
    for _ in items:
        result = done.get()
        if isinstance(result, BaseException):
            raise result
        yield result
