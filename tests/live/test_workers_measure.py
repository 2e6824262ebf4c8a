"""A live gunicorn, measured and judged."""

from __future__ import annotations

from pathlib import Path

import pytest
from advised import follow
from homes import shop_in
from support import Server, running, wait_for

from watchdog.commands.workers import workers
from watchdog.model.errors import CannotTell, WrongUsage
from watchdog.model.exits import Exit
from watchdog.model.selector import Selector
from watchdog.steps.spec import Context
from watchdog.system.process import processes
from watchdog.targets.resolve import resolve
from watchdog.workers.access_log import parse
from watchdog.workers.indicators import Targets, judge
from watchdog.workers.measure import measure

GUNICORN = ("-m", "gunicorn", "--workers", "2", "--bind", "127.0.0.1:{port}", "wsgiref.simple_server:demo_app")


def context(folder: Path, selector: Selector = Selector()) -> Context:  # noqa: B008
    return Context(selector, say=lambda _: None, ask=lambda _: False, folder=folder, state=folder)


def grown(server: Server) -> bool:
    return len(processes.descendants(processes.table(), server.pid)) == 2


def test_workers_are_counted_and_weighed() -> None:
    pytest.importorskip("gunicorn")
    with running(*GUNICORN) as server:
        wait_for(lambda: grown(server), "both workers run")
        (tree,) = resolve(Selector(port=server.port))
        found = measure(tree)
        assert (found.workers, found.configured) == (2, 2)
        assert 5 << 20 < found.worker_memory < 500 << 20
        assert 0 < found.memory_share < 1 and 0 <= found.cpu_share <= 1
        assert found.memory > found.worker_memory * 2


def test_the_step_prints_the_servers_own_line_with_the_number(folder: Path) -> None:
    pytest.importorskip("gunicorn")
    with running(*GUNICORN) as server:
        wait_for(lambda: grown(server), "both workers run")
        told = workers(context(folder, Selector(port=server.port)), {"cpus": "1", "memory": 1 << 34, "peak_users": 30})
        assert told.data["workers"] == 3
        assert f"-m gunicorn --workers 3 --bind 127.0.0.1:{server.port}" in told.data["command"]
        assert told.data["present"]["workers"] == 2 and told.data["present"]["risk"] == "low"
        assert "OOM risk low" in told.text


def test_numbers_alone_are_enough(folder: Path) -> None:
    given = {"cpus": "1", "memory": 2 << 30, "worker_memory": 600 << 20, "peak_users": 50, "workers": 4}
    told = workers(context(folder), given)
    assert (told.data["workers"], told.data["present"]["risk"]) == (3, "high")
    assert told.exit is Exit.CRITICAL


def test_an_access_log_gives_its_indicators(folder: Path) -> None:
    log = folder / "access.log"
    log.write_text('x - - [x] "GET / HTTP/1.1" 200 5 "-" "-" 0.1\n' * 99 + 'x - - [x] "GET / HTTP/1.1" 500 5\n' * 5)
    given = {"cpus": "1", "memory": 2 << 30, "worker_memory": 600 << 20, "access_log": str(log)}
    told = workers(context(folder), given)
    assert {one["name"] for one in told.data["indicators"]} == {"P95", "errors"}
    assert told.exit is Exit.WARNING


def test_what_is_missing_is_said(folder: Path) -> None:
    with pytest.raises(WrongUsage):
        workers(context(folder), {"cpus": "1"})
    log = folder / "other.log"
    log.write_text("nothing of the kind\n")
    with pytest.raises(CannotTell):
        workers(context(folder), {"worker_memory": 1 << 20, "access_log": str(log)})
    with pytest.raises(WrongUsage):
        workers(context(folder), {"worker_memory": 1 << 20, "cpus": "many"})


def test_what_a_bad_figure_advises_can_be_typed_as_it_stands(folder: Path) -> None:
    slow = parse(['127.0.0.1 - - [x] "GET / HTTP/1.1" 500 5 "-" "-" 40.5'] * 9)
    with shop_in(folder) as shop, shop.server():
        found = judge(0.95, 0.85, slow, Targets(), f":{shop.port}")
        told = "\n".join(one.action for one in found)
        assert set(follow(told, shop.wd)) == {f"wd why :{shop.port}", f"wd leak watch :{shop.port}"}
