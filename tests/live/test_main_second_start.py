"""A server whose first start fails and whose second one serves: it comes back within one run, exactly once."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, answering_pid, shop_in
from support import SERVERS, wait_for
from watching import home_in

FIRST_START = {
    "exits": "sys.exit('no licence')",
    "never listens": "time.sleep(600)",
    "listens and does not answer": "s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); time.sleep(600)",
}
SERVER = """\
import os, pathlib, runpy, socket, sys, time
starts = pathlib.Path(__file__).with_suffix(".starts")
starts.touch()
with starts.open("a") as file:
    file.write("x")
if len(starts.read_text()) <= {failing}:
    {first}
runpy.run_path({real!r}, run_name="__main__")
"""


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def failing(shop: Shop, first: str, times: int = 1) -> None:
    real = str(SERVERS / "moody.py")
    shop.script.write_text(SERVER.format(first=FIRST_START[first], failing=times, real=real))


@pytest.mark.parametrize("first", FIRST_START)
def test_a_dead_server_that_serves_at_its_second_start_is_back_after_one_run(shop: Shop, first: str) -> None:
    failing(shop, first)
    shop.playbook(ready="3s")
    done = shop.wd("run", "dead-server", "--service", "shop", "--set", "healthy=2", "-o", "json")
    assert (done.code, done.last["outcome"]) == (0, "recovered"), done.err
    (only,) = shop.copies()
    assert answering_pid(shop.port) == only
    starts = [step for step in done.last["steps"] if step["step"] == "start"]
    assert [step["outcome"] for step in starts] == ["failed", "ok"]


def test_a_server_that_never_serves_is_a_failed_run_and_each_start_says_why(shop: Shop) -> None:
    failing(shop, "exits", times=9)
    done = shop.wd("run", "dead-server", "--service", "shop", "-o", "json")
    assert done.code == 2 and shop.copies() == []
    starts = [step for step in done.last["steps"] if step["step"] == "start"]
    assert len(starts) == 2 and all("no licence" in step["message"] for step in starts)


FLAKY = """\
import os, pathlib, runpy, socket, sys, time
folder = pathlib.Path(sys.argv[2])
first = (folder / "first").read_text()
(folder / "first").write_text("")
(folder / f"started-{{os.getpid()}}").touch()
exec(first)
runpy.run_path({real!r}, run_name="__main__")
"""


@pytest.mark.parametrize("first", FIRST_START)
def test_the_loop_brings_back_a_server_whose_first_start_fails_and_leaves_one_copy(folder: Path, first: str) -> None:
    with home_in(folder) as home:
        shop = home.service()
        script = folder / "flaky.py"
        script.write_text(FLAKY.format(real=str(SERVERS / "switch.py")))
        shop.argv[1] = str(script)
        shop.playbook["start"]["ready"] = {"within": "3s"}
        shop.playbook["triggers"] = [{"on": kind, "run": "dead-server"} for kind in ("death", "health")]
        shop.write()
        shop.tell("first", "")
        before = shop.start()
        home.watch().hears("watching")
        shop.tell("first", FIRST_START[first])
        os.kill(before, signal.SIGKILL)
        home.started[0].wait(30)
        wait_for(lambda: shop.pid() not in (0, before), "another process answers", 90)
        wait_for(lambda: len(shop.living()) == 1, "one copy is left")
        assert len(shop.starts()) == 3 and len(home.incidents()) == 1
