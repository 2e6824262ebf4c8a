"""Searches texts for a pattern of a person or a playbook, in a child: some patterns never come to an end.

`(a+)+$` needs seconds for thirty characters and the interpreter's lock all the while; no thread can bound it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence

from watchdog.model.errors import CannotTell, WrongUsage
from watchdog.system.child import commands

LONGEST = 200  # characters of a pattern
_CUT = 4096  # characters of a text
_CHILD = """
import json, re, sys
pattern, texts = json.load(sys.stdin)
found = re.compile(pattern).search
print(json.dumps([at for at, text in enumerate(texts) if found(text)]))
"""


def search(pattern: str, texts: Sequence[str], within: float = 1.0) -> tuple[int, ...]:
    """Which of the texts (their first 4,096 characters) the pattern is found in.

    WrongUsage for a pattern that is too long, or none, or takes longer than `within` seconds.
    """
    check(pattern)
    done = commands.run(
        [sys.executable, "-I", "-S", "-c", _CHILD],
        timeout=within,
        env={},
        cwd="/",
        stdin=json.dumps([pattern, [text[:_CUT] for text in texts]]),
    )
    if done.timed_out:
        raise WrongUsage(
            f"the pattern {pattern!r} takes too long",
            f"It did not end within {within:g} s on the command lines of this machine.",
            "Write it without repetitions inside repetitions.",
        )
    if not done.ok:
        raise CannotTell("the command lines could not be searched", done.error or done.output.strip()[-200:])
    return tuple(json.loads(done.output))


def check(pattern: str) -> None:
    """WrongUsage for a pattern that is too long, empty, or none."""
    if not pattern or len(pattern) > LONGEST:
        raise WrongUsage(f"a pattern has 1 to {LONGEST} characters, this one has {len(pattern)}")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise WrongUsage(f"{pattern!r} is no pattern", str(error)) from None
