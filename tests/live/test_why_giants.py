"""Servers beyond the usual size, and spoilt ones: `wd why` ends with a result and keeps to its memory."""

from __future__ import annotations

from pathlib import Path

import giants
import pytest
from interpreters import NEEDS_RIGHT, NEEDS_TRACER

MOST = 300.0  # MiB of all its processes together

pytestmark = [NEEDS_RIGHT, NEEDS_TRACER]


@pytest.mark.parametrize(
    ("kind", "count"), [("threads", 1500), ("tasks", 15_000), ("descriptors", 5_000), ("memory", 600)]
)
def test_a_giant_is_looked_at_in_bounded_memory_and_lives_on(kind: str, count: int, folder: Path) -> None:
    with giants.giant(kind, count, folder) as server:
        result, cost = giants.why(server)
        assert result.get("findings") and cost.together <= MOST, (result, cost)
        assert server.process.poll() is None


@pytest.mark.parametrize(
    ("kind", "count", "line"), [("convoy", 1500, "time.sleep(3600)"), ("queue_of_tasks", 15_000, "await news")]
)
def test_of_thousands_that_queue_for_one_lock_the_one_that_has_it_is_named(
    kind: str, count: int, line: str, folder: Path
) -> None:
    with giants.giant(kind, count, folder) as server:
        result, cost = giants.why(server)
        assert "lock-convoy" in [one["cause"] for one in result["findings"]], (result, cost)
        assert result["findings"][0]["culprit"]["source"] == line, (result, cost)
        assert cost.together <= MOST and server.process.poll() is None


def test_a_server_whose_tasks_cannot_be_read_in_time_is_not_called_healthy(folder: Path) -> None:
    with giants.giant("queue_of_tasks", 15_000, folder) as server:
        result, _ = giants.why(server, within=1.0)
        assert result["verdict"] in ("unknown", "lock-convoy"), result
        assert any("read" in one for one in result["missing"]), result


@pytest.mark.parametrize("seed", range(4))
def test_structures_full_of_noise_lead_to_a_result_and_touch_nothing(seed: int, folder: Path) -> None:
    with giants.giant("bare", 0, folder) as server:
        giants.spoil(server.pid, folder / "bare-0.mark", seed)
        result, cost = giants.why(server, within=5.0)
        assert result.get("findings") and cost.together <= MOST, (result, cost)
        assert server.process.poll() is None
