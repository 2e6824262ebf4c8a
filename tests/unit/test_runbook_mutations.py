"""Whatever happens to a runbook's bytes, a person gets a plan or a clear refusal, and gets it soon."""

from __future__ import annotations

import random
import time

import pytest

from watchdog.library import shelf
from watchdog.model.errors import WdError
from watchdog.runbook import document
from watchdog.runbook.lint import lint
from watchdog.runbook.plan import make_plan
from watchdog.text.printable import printable

pytestmark = pytest.mark.same_everywhere("gives thousands of inputs to code that asks no system")

INPUTS = 100
SECONDS = 2.0  # of CPU time: a busy machine must not fail the test
PIECES = [
    *rb"```|~~~|---|```wd |```wd timeout=|on-fail=x|when='why.|os=|{{ grace }}|{{|}}|'|\"|\|#|kill ".split(b"|"),
    b"{% for x in y %}",
    *(b"> ", b"- ", b"    ", b"\n", b"\t", b"\x00", b"\xff", b"\xe2\x80\xae", b"[" * 300, b"parameters: {a: 1}\n"),
]


@pytest.mark.parametrize("name", sorted(shelf.shipped("runbooks")))
def test_a_damaged_runbook_gives_a_plan_or_a_refusal(name: str) -> None:
    chance = random.Random(name)
    original = shelf.shipped("runbooks")[name].read_bytes()
    for _ in range(INPUTS):
        text = original
        for _ in range(chance.randint(1, 5)):
            begin = chance.randrange(len(text) + 1)
            end = min(len(text), begin + chance.randrange(40))
            text = text[:begin] + chance.choice([b"", text[begin:end] * 2, *PIECES]) + text[end:]
        begun = time.process_time()
        try:
            runbook = document.read(text, "runbooks/x.md", "x")
            assert all(line == printable(line) for line in lint(runbook)), text
            make_plan(runbook, {}, "shop")
        except WdError as error:
            assert all(line == printable(line) for line in error.lines()), text
        assert time.process_time() - begun < SECONDS, text
