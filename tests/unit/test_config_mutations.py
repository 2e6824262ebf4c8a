"""Whatever happens to a playbook's bytes, a person gets the policy or a list of mistakes, and gets it soon."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from watchdog.config import playbooks
from watchdog.library import shelf

pytestmark = pytest.mark.same_everywhere("gives thousands of inputs to code that asks no system")

INPUTS = 2_000
SECONDS = 1.0  # of CPU time: a busy machine must not fail the test
PIECES = [
    *rb"&a |*a |!!python/object:os.system |[|]|{|}|: |- |'|>|---|...|#|? |<<: |@|`|\U7fffffff|%YAML 9.9".split(b"|"),
    *b".inf|-1s|1e400|null|~|22:22|0x1F|on|death|silence: 1m|regex: true|(a+)+$|probes:|triggers:|policy:".split(b"|"),
    *(b"\t", b"\n", b"\r", b"|\n", b'"', b"\x00", b"\xff", b"\xe2\x80\xa8", b"\xf0\x9f\x92\xa9", b"9" * 400),
]


def mutated(text: bytes, chance: random.Random) -> bytes:
    """One to six changes: a byte, a hole, a piece, a repetition, a moved line, another word."""
    for _ in range(chance.randint(1, 6)):
        begin = chance.randrange(len(text) + 1)
        end = min(len(text), begin + chance.randrange(1, 60))
        kind = chance.randrange(6)
        if kind == 0:
            text = text[:begin] + bytes([chance.randrange(256)]) + text[begin + 1 :]
        elif kind == 1:
            text = text[:begin] + text[end:]
        elif kind == 2:
            text = text[:begin] + chance.choice(PIECES) * chance.choice([1, 1, 2, 30]) + text[begin:]
        elif kind == 3:
            text = text[:end] + text[begin:end] * chance.choice([1, 5]) + text[end:]
        else:
            separator = b"\n" if kind == 4 else b" "
            parts = text.split(separator)
            parts[chance.randrange(len(parts))] = chance.choice(PIECES if kind == 5 else parts)
            text = separator.join(parts)
    return text


@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_playbook_gives_mistakes_and_nothing_else(seed: int) -> None:
    chance = random.Random(seed)
    originals = [found.read_bytes() for found in shelf.shipped("playbooks").values()]
    for _ in range(INPUTS // 4):
        text = mutated(chance.choice(originals), chance)
        begun = time.process_time()
        document, playbook = playbooks.check(text, Path("f.yml"), Path("/"))
        assert time.process_time() - begun < SECONDS, text
        assert (playbook is None) == bool(document.mistakes), text
        for mistake in document.mistakes:
            assert mistake.line >= 1, text
            assert mistake.column >= 1, text
            assert str(mistake).isprintable(), text
