from __future__ import annotations

import pytest

from watchdog.model.evidence import MachineLook
from watchdog.policy.pressure import Failing, common_cause, starved

GIB = 1 << 30


def machine(load: float = 1.0, available: int = 4 * GIB, **stalls: float) -> MachineLook:
    pressure = tuple((name.replace("_", "."), value) for name, value in stalls.items())
    return MachineLook(0.0, 2, (load, load, load), 8 * GIB, available, None, None, 0, 0, pressure)


@pytest.mark.parametrize(
    ("look", "word"),
    [
        (machine(memory_full_avg10=45.0), "memory"),
        (machine(memory_full_avg60=12.0), "memory"),
        (machine(io_full_avg60=80.0), "disks"),
        (machine(load=20.0, cpu_some_avg60=99.0), "a CPU"),
        (machine(available=8 << 20), "almost no memory"),
        (machine(load=40.0), "load"),
    ],
)
def test_a_starved_machine_is_named(look: MachineLook, word: str) -> None:
    assert word in starved(look)


@pytest.mark.parametrize(
    "look",
    [
        machine(),
        machine(cpu_full_avg60=0.0, cpu_some_avg60=70.0, load=3.0),
        machine(cpu_some_avg60=99.0, load=2.0),
        machine(io_some_avg60=90.0, io_full_avg60=20.0),
        machine(memory_some_avg10=50.0, memory_full_avg10=2.0),
    ],
)
def test_a_busy_machine_is_not_starved(look: MachineLook) -> None:
    assert starved(look) == ""


def failing(since: float = 100.0, *peers: str, on_disk: bool = False) -> Failing:
    return Failing(since, 2.0, frozenset(peers), on_disk)


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"a": failing(), "b": None, "c": None}, None),
        ({"a": failing(), "b": failing(), "c": None}, None),
        ({"a": failing(), "b": failing()}, None),
        ({"a": failing(), "b": failing(101.0), "c": failing(102.0)}, "at-once"),
        ({"a": failing(), "b": failing(), "c": failing(130.0)}, None),
        ({"a": failing(100, "db:1"), "b": failing(100, "db:1"), "c": None}, "peer"),
        ({"a": failing(100, "db:1"), "b": failing(100, "db:2"), "c": None}, None),
        ({"a": failing(on_disk=True), "b": failing(on_disk=True), "c": None}, "disk"),
        ({"a": failing(), "b": failing(on_disk=True), "c": failing(130.0, on_disk=True)}, None),
        ({"a": None, "b": failing(), "c": failing()}, None),
    ],
)
def test_a_common_cause_needs_a_reason(asked: dict[str, Failing | None], kind: str | None) -> None:
    found = common_cause("a", asked)
    assert (found.kind if found else None) == kind
