"""Searches texts for a pattern of a person or a playbook. The time is bounded, whatever the pattern and the texts are.

An engine that backtracks needs years for `(a+)+$` and sixty characters, and holds the interpreter's lock all the while:
no thread can bound it. RE2 needs a time that grows with the text alone. What RE2 lacks (looking around, going back to a
group) runs in a child, with a deadline for each text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence

from watchdog.model.errors import CannotTell, WrongUsage
from watchdog.model.records import record
from watchdog.system import clock
from watchdog.system.child import commands

LONGEST = 200  # characters of a pattern
_CUT = 4096  # characters of a text
_EACH = 0.1  # seconds that a child gives to one text
_MEMORY = 1 << 20  # bytes of one pattern in RE2: what needs more goes to the child
_DIFFERS = "{,"  # RE2 takes `a{,3}` for these very characters
_START = 10.0  # seconds that the child gets beyond the time for searching: a busy machine starts it slowly
# A thread of C bounds each text, for the engine lets no other thread run: it ends the child. What is missing in the
# output is the text that took too long.
_CHILD = """
import faulthandler, json, os, re, sys
pattern, texts, each, begin = json.load(sys.stdin)
found = re.compile(pattern, re.ASCII).search
for text in texts[begin:]:
    faulthandler.dump_traceback_later(each, exit=True)
    hit = found(text)
    faulthandler.cancel_dump_traceback_later()
    os.write(1, b"y" if hit else b"n")
os.write(1, b".")
"""


@record(frozen=True)
class Searched:
    """Positions of texts: those with the pattern, and those for which the time did not suffice."""

    hits: tuple[int, ...]
    late: tuple[int, ...] = ()


def search(pattern: str, texts: Sequence[str], within: float = 1.0) -> tuple[int, ...]:
    """Which of the texts (their first 4,096 characters) the pattern is found in.

    WrongUsage for a pattern that is too long, or invalid, or takes longer than `within` seconds.
    """
    searched = search_each(pattern, texts, within)
    if searched.late:
        raise WrongUsage(
            f"the pattern {pattern!r} takes too long",
            f"It did not end within {within:g} s on the command lines of this machine.",
            "Write it without repetitions inside repetitions.",
        )
    return searched.hits


def search_each(pattern: str, texts: Sequence[str], within: float = 1.0) -> Searched:
    """The same; texts that take too long are named, and the others are searched all the same.

    WrongUsage for a pattern that is too long, or invalid.
    """
    check(pattern)
    texts = [text[:_CUT] for text in texts]
    found = _linear(pattern)
    if not texts:
        return Searched(())
    return _in_child(pattern, texts, within) if found is None else _here(found, texts, within)


def check(pattern: str) -> None:
    """WrongUsage for a pattern that is too long, empty, or invalid. \\w, \\d, \\s, \\b mean ASCII in both engines."""
    if not pattern or len(pattern) > LONGEST:
        raise WrongUsage(f"a pattern has 1 to {LONGEST} characters, this one has {len(pattern)}")
    try:
        re.compile(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError) as error:
        raise WrongUsage(f"{pattern!r} is not a regular expression", str(error)) from None


def _linear(pattern: str) -> Callable[[bytes], object] | None:
    """The search of RE2; None for a pattern that RE2 does not know, and where RE2 is not installed."""
    if _DIFFERS in pattern:
        return None
    try:
        import re2  # here: few commands search for a pattern
    except ImportError:
        return None
    options = re2.Options()
    options.log_errors, options.never_capture, options.max_mem = False, True, _MEMORY
    try:
        search: Callable[[bytes], object] = re2.compile(_bytes(pattern), options).search
    except re2.error:
        return None
    return search


def _here(found: Callable[[bytes], object], texts: Sequence[str], within: float) -> Searched:
    """One text costs milliseconds at most; many of them must not add up to more than `within`."""
    hits: list[int] = []
    end = clock.monotonic() + within
    for at, text in enumerate(texts):
        if clock.monotonic() > end:
            return Searched(tuple(hits), tuple(range(at, len(texts))))
        if found(_bytes(text)):
            hits.append(at)
    return Searched(tuple(hits))


def _in_child(pattern: str, texts: Sequence[str], within: float) -> Searched:
    hits: list[int] = []
    late: list[int] = []
    end, at = clock.monotonic() + within, 0
    while at < len(texts):
        answers, whole = _answers(pattern, texts, at, within)
        hits += [at + place for place, answer in enumerate(answers) if answer == "y"]
        at += len(answers)
        if whole:
            break
        late.append(at)
        at += 1
        if clock.monotonic() > end:
            late += range(at, len(texts))
            break
    return Searched(tuple(hits), tuple(late))


def _answers(pattern: str, texts: Sequence[str], begin: int, within: float) -> tuple[str, bool]:
    """A letter for each text from `begin` on, and whether these are all; else the next one took too long."""
    done = commands.run(
        [sys.executable, "-I", "-S", "-c", _CHILD],
        timeout=within + _START,
        env={},
        cwd="/",
        stdin=json.dumps([pattern, texts, min(_EACH, within), begin]),
        limit=1 << 24,
        apart=True,
    )
    if not done.timed_out and not done.ok and "Timeout (" not in done.errors:
        raise CannotTell("the pattern could not be searched for", done.error or done.errors.strip()[-200:])
    answers, whole, _ = done.output.partition(".")
    return answers, bool(whole)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")
