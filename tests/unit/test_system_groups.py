"""Where a control group for a service is made: no limit above it is ever lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from watchdog.system.linux import groups, machine
from watchdog.system.linux.groups import MemoryGroup


def second_version(top: Path, *, limited: bool, enabled: bool = True) -> Path:
    """A tree of version 2; our own group is `system.slice/wd.service`."""
    home = top / "system.slice" / "wd.service"
    home.mkdir(parents=True)
    for folder in (top, home.parent, home):
        (folder / "cgroup.controllers").write_text("cpu memory")
        (folder / "memory.current").write_text("1000")
        (folder / "memory.max").write_text("max")
    (top / "cgroup.subtree_control").write_text("cpu memory" if enabled else "cpu")
    if limited:
        (home.parent / "memory.max").write_text("1000000")
    return home


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def use(home: Path, top: Path) -> None:
        chain = [home, *(one for one in home.parents if one == top or top in one.parents)]
        monkeypatch.setattr(machine, "memory_groups", lambda pid: chain)

    return use


def test_in_version_2_the_group_stands_at_the_top_with_its_limit(tmp_path: Path, inside) -> None:  # type: ignore[no-untyped-def]
    inside(second_version(tmp_path, limited=False), tmp_path)
    made = MemoryGroup("shop", 5_000_000, lambda pid: True)
    assert made.folder == tmp_path / f"wd-shop-{os.getpid()}"
    assert (made.folder / "memory.max").read_text() == "5000000"
    assert (made.folder / "memory.swap.max").read_text() == "0"
    made.join()
    assert (made.folder / "cgroup.procs").read_text() == str(os.getpid())
    assert not made.has_killed
    (made.folder / "memory.current").write_text("1")
    (made.folder / "memory.events").write_text("oom 1\noom_kill 2\n")
    assert made.has_killed


def test_a_service_does_not_escape_from_a_limit_above_us(tmp_path: Path, inside) -> None:  # type: ignore[no-untyped-def]
    inside(second_version(tmp_path, limited=True), tmp_path)
    with pytest.raises(ValueError, match="would be lost"):
        MemoryGroup("shop", 5_000_000, lambda pid: True)
    assert not list(tmp_path.glob("wd-*"))


def test_without_the_controller_there_is_no_group(tmp_path: Path, inside) -> None:  # type: ignore[no-untyped-def]
    inside(second_version(tmp_path, limited=False, enabled=False), tmp_path)
    with pytest.raises(ValueError, match="not enabled"):
        MemoryGroup("shop", 5_000_000, lambda pid: True)


def test_in_version_1_it_stands_below_our_own_and_what_dead_shims_left_is_removed(tmp_path: Path, inside) -> None:  # type: ignore[no-untyped-def]
    home = tmp_path / "slice" / "ours"
    home.mkdir(parents=True)
    (home / "wd-shop-77").mkdir()
    (home / "wd-shop-78").mkdir()
    (home / "other-77").mkdir()
    inside(home, tmp_path)
    made = MemoryGroup("shop", 5_000_000, lambda pid: pid == 78)
    assert made.folder.parent == home
    assert (made.folder / "memory.limit_in_bytes").read_text() == "5000000"
    assert sorted(one.name for one in home.iterdir()) == sorted(["other-77", "wd-shop-78", made.folder.name])


def test_a_machine_without_control_groups_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups.machine, "memory_groups", lambda pid: [])
    with pytest.raises(OSError, match="no control group"):
        MemoryGroup("shop", 1, lambda pid: True)
