"""Selectors on drawn machines: nothing selected is nothing found, and several narrow each other."""

from __future__ import annotations

import itertools

import pytest
from test_targets_trees import listener, process

from watchdog.model.errors import WrongUsage
from watchdog.model.playbook import Playbook
from watchdog.model.process import Identity
from watchdog.model.selector import Selector
from watchdog.targets import resolve
from watchdog.targets.scene import Scene

MACHINE = [
    process(20, 1, "python", "/bin/gunicorn", "shop:app"),
    process(21, 20, "python", "/bin/gunicorn", "shop:app", session=20),
    process(30, 1, "python", "stock.py"),
    process(40, 1, "redis-server"),
    process(50, 1, "python", "batch.py"),
]
SOCKETS = [listener(8000, 20, 21), listener(9000, 30), listener(6379, 40)]


def found(selector: Selector, playbook: Playbook | None = None) -> list[tuple[int, ...]]:
    scene = Scene({one.pid: one for one in MACHINE}, SOCKETS)
    return [tree.pids for tree in resolve.look(selector, playbook, scene).trees]


@pytest.mark.parametrize("selector", [
    Selector(port=empty[0], cmdline=empty[1], pid=empty[2], service=empty[3], identities=(), regex=empty[4])
    for empty in itertools.product((None, 0), ((), ("",)), (None, 0), (None, ""), (False,))
])  # fmt: skip
def test_an_empty_selector_means_nothing_and_never_everything(selector: Selector) -> None:
    assert found(selector) == []


@pytest.mark.parametrize("rule", [Selector(), Selector(port=0), Selector(cmdline=("",)), Selector(service="shop")])
def test_a_playbook_that_finds_by_nothing_finds_nothing(rule: Selector) -> None:
    assert found(Selector(service="shop"), Playbook("shop", rule)) == []


def test_a_service_without_a_playbook_is_a_mistake() -> None:
    with pytest.raises(WrongUsage):
        found(Selector(service="shop"))


def test_selectors_narrow_each_other() -> None:
    assert found(Selector(port=8000)) == [(20, 21)]
    assert found(Selector(port=8000, cmdline=("gunicorn", "shop:app"))) == [(20, 21)]
    assert found(Selector(port=8000, pid=21)) == [(20, 21)]
    assert found(Selector(port=8000, cmdline=("stock.py",))) == []
    assert found(Selector(port=8000, pid=30)) == []
    assert found(Selector(cmdline=("batch.py",), pid=50)) == [(50,)]
    assert found(Selector(identities=(Identity("boot", 21, MACHINE[1].identity.ticks),), port=9000)) == []


def test_a_master_and_its_worker_named_twice_are_one_server() -> None:
    identities = tuple(one.identity for one in MACHINE[:3])
    assert found(Selector(identities=identities)) == [(20, 21), (30,)]


def test_a_service_on_another_port_than_the_playbooks_is_a_mistake() -> None:
    with pytest.raises(WrongUsage):
        found(Selector(service="shop", port=9000), Playbook("shop", Selector(port=8000)))


def test_the_program_that_should_be_there_does_not_hide_the_one_that_is() -> None:
    playbook = Playbook("shop", Selector(port=9000, cmdline=("gunicorn", "shop:app")))
    assert found(Selector(service="shop"), playbook) == [(30,)]


def test_another_instance_on_another_port_is_not_the_service() -> None:
    playbook = Playbook("shop", Selector(port=8001, cmdline=("gunicorn", "shop:app")))
    assert found(Selector(service="shop"), playbook) == []


def test_a_service_that_lost_its_port_is_found_by_its_program() -> None:
    playbook = Playbook("batch", Selector(port=8002, cmdline=("batch.py",)))
    assert found(Selector(service="batch"), playbook) == [(50,)]


@pytest.mark.parametrize(
    "words",
    [
        ("python", "shop.py", "8001"),
        ("python", "shop.py", "--port", "8001"),
        ("python", "shop.py", "--port=8001"),
        ("python", "shop.py", "-b", "127.0.0.1:8001"),
        ("python", "shop.py", "--bind=[::1]:8001"),
        ("python", "shop.py", "localhost:8001"),
    ],
)
def test_another_instance_that_is_about_to_listen_elsewhere_is_not_the_service(words: tuple[str, ...]) -> None:
    machine = [process(60, 1, *words)]
    scene = Scene({one.pid: one for one in machine}, [])
    here = Playbook("shop", Selector(port=8000, cmdline=("shop.py",)))
    there = Playbook("shop", Selector(port=8001, cmdline=("shop.py",)))
    assert resolve.look(Selector(service="shop"), here, scene).trees == ()
    assert "names another port" in resolve.look(Selector(service="shop"), here, scene).left_out[0]
    assert [tree.pids for tree in resolve.look(Selector(service="shop"), there, scene).trees] == [(60,)]


def test_numbers_that_are_no_ports_do_not_hide_the_service() -> None:
    machine = [process(60, 1, "python", "shop.py", "--timeout", "1200", "--workers=4", "--max-requests=2000", "7")]
    scene = Scene({one.pid: one for one in machine}, [])
    playbook = Playbook("shop", Selector(port=8000, cmdline=("shop.py",)))
    assert [tree.pids for tree in resolve.look(Selector(service="shop"), playbook, scene).trees] == [(60,)]
