"""Healthy programs of ordinary shapes: nothing above a warning, idle and under load, and the loop leaves them alone."""

from __future__ import annotations

import contextlib
import importlib.util
import sys

import pytest
from homes import ROOT
from interpreters import NEEDS_TRACER
from support import alive

sys.path.insert(0, str(ROOT / "benchmarks"))
import healthy

pytestmark = NEEDS_TRACER
NEEDS = {"flask": "flask", "gunicorn": "gunicorn", "uvicorn": "uvicorn", "fastapi": "fastapi", "aiohttp": "aiohttp",
         "streams": "uvicorn", "long": "uvicorn"}  # fmt: skip


def has(name: str) -> bool:
    package = NEEDS.get(name.split()[0], "sys")
    return importlib.util.find_spec(package) is not None


SHAPES = [
    pytest.param(name, marks=pytest.mark.skipif(not has(name), reason=f"{name}: its package is not installed"))
    for name in healthy.SHAPES
]


@pytest.mark.parametrize("name", SHAPES)
def test_a_healthy_program_is_not_blamed_while_it_works(name: str) -> None:
    shape = healthy.SHAPES[name]
    with healthy.running(name, shape) as program, healthy.load(program, shape.load):
        code, verdict = healthy.why(program)
        assert code in (0, 1), verdict
        assert alive(program.pid)


def test_the_loop_touches_none_of_them_though_one_answer_in_fifty_is_lost() -> None:
    with contextlib.ExitStack() as stack:
        programs = [
            stack.enter_context(healthy.running(name, healthy.SHAPES[name])) for name in filter(has, healthy.SHAPES)
        ]
        assert healthy.watch(programs, seconds=20) == 0
