"""Does what wd advises: each command of its own that stands in an output is run, and must work."""

from __future__ import annotations

import itertools
import re
import shlex
from collections.abc import Callable

from homes import Done
from printed import commands
from support import wait_for

from watchdog.cli.commands import COMMANDS
from watchdog.steps.registry import SPECS

# They run until they are ended, write into the schedulers of this machine, or need other hosts: their page is shown.
_STAYS = ("watch", "sidecar", "web", "schedule", "fleet")
# What a person writes there. N is a worker's pid: test_steps_why_advice.py has servers with workers.
_FILLED_IN = {"run NAME": "run short", "--name NAME": "--name other", "NAME": "shop", "--service S": "--service shop"}
_FILLED_IN |= {"TEXT": "hello", "ID": "last"}


def follow(text: str, wd: Callable[..., Done], port: int = 0) -> list[str]:
    """Run every command that this output advises, each after the other, with a yes to what it asks.

    Those that only look come first; a state that is not good is an answer, an error is not. `port` is the server's.
    """
    advised = sorted((line for line in commands(text) if not line.endswith(" N")), key=_changes)
    for line in advised:
        done = _in_its_turn(wd, _words(line.replace(":PORT", f":{port}")))
        assert not done.err.startswith("wd:") and (done.code == 0 or not _changes(line)), f"{line}: {done}"
    return advised


def _in_its_turn(wd: Callable[..., Done], words: list[str]) -> Done:
    """What the command came to, once no other wd works on the server: a loop may have heard the command before."""
    came_to: list[Done] = []

    def was_its_turn() -> bool:
        came_to.append(wd(*words))
        return "wait until it is done" not in came_to[-1].err

    wait_for(was_its_turn, f"another wd is done before: {words}", 90)
    return came_to[-1]


def _words(line: str) -> list[str]:
    for word, meant in _FILLED_IN.items():
        line = re.sub(rf"{word}\b", meant, line)
    words = shlex.split(line)[1:]
    if not {*_STAYS}.isdisjoint(words) and "store" not in words:  # `wd fleet store` asks no host
        return [*itertools.takewhile(str.isalpha, words), "--help"]  # without options, and what a person fills in
    return [*words, *(["--yes"] if _changes(line) else [])]


def _changes(line: str) -> bool:
    """Whether it changes something, and so comes last."""
    specs = (COMMANDS.get(word) or SPECS.get(word) for word in shlex.split(line)[1:])
    return any(spec.changes for spec in specs if spec is not None)
