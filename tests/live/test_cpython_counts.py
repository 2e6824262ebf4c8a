"""Objects of a live interpreter, counted by type from outside, against what its own collector says."""

from __future__ import annotations

import json

import pytest
from interpreters import NEEDS_RIGHT, interpreters, script

from watchdog.evidence.counts import read_counts

pytestmark = NEEDS_RIGHT
EACH = pytest.mark.parametrize("python", interpreters().values(), ids=interpreters().keys())


@EACH
def test_objects_are_counted_in_every_list_of_the_collector_the_frozen_ones_too(python: str) -> None:
    with script(python, "counted.py") as (process, line):
        own = json.loads(line)
        counted = read_counts(process.pid, 20.0)
        assert not counted.error
        found = dict(counted.types)
        # The collector does not tell of what is frozen.
        assert found["__main__.Frozen"] == 700
        assert (found["__main__.Old"], found["__main__.Young"]) == (own["Old"], own["Young"]) == (500, 300)
        assert found["module"] >= own.get("module", 0)
        assert counted.broken_lists == 0
