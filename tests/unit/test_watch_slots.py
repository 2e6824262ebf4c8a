from __future__ import annotations

from watchdog.model.playbook import ProbeSpec
from watchdog.watch.slots import slots


def specs(count: int, every: float) -> list[tuple[str, ProbeSpec]]:
    return [(f"s{number}", ProbeSpec("health", "http", "/", every)) for number in range(count)]


def test_every_probe_is_in_exactly_one_slot_of_its_interval() -> None:
    wanted = specs(500, 10.0) + specs(7, 1.0) + specs(3, 3600.0)
    found = slots(wanted)
    assert sorted((name, spec.every) for slot in found for name, spec in slot.probes) == sorted(
        (name, spec.every) for name, spec in wanted
    )
    assert all(spec.every == slot.every for slot in found for _, spec in slot.probes)


def test_five_hundred_services_need_fifty_jobs_and_never_come_all_at_once() -> None:
    found = slots(specs(500, 10.0))
    assert len(found) == 50
    assert {len(slot.probes) for slot in found} == {10}
    assert len({round(slot.first, 3) for slot in found}) == 50


def test_a_probe_that_is_asked_once_an_hour_is_asked_soon_for_the_first_time() -> None:
    assert all(slot.first < 10.0 for slot in slots(specs(40, 3600.0)))


def test_one_service_is_asked_at_once() -> None:
    assert [slot.first for slot in slots(specs(1, 30.0))] == [0.0]
