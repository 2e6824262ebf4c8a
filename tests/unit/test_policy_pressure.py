from __future__ import annotations

import pytest

from watchdog.model.evidence import MachineLook
from watchdog.policy.pressure import common_cause, starved

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


@pytest.mark.parametrize(
    ("bad", "all_of_them", "held"),
    [(2, 3, True), (10, 10, True), (6, 10, True), (5, 10, False), (1, 3, False), (2, 2, False), (1, 1, False)],
)
def test_more_than_half_of_at_least_three_have_one_cause(bad: int, all_of_them: int, held: bool) -> None:
    failing = {f"s{number}": number < bad for number in range(all_of_them)}
    assert bool(common_cause(failing)) is held
