"""The task for Windows, as a person on another system gets it: a file that can be carried there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from watching import Home, home_in

xmlschema = pytest.importorskip("xmlschema")
PLAN = ("schedule", "install", "--as", "task-scheduler")


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    place = folder / "kim's café & <co> at 100%"
    place.mkdir(0o700)
    with home_in(place) as made:
        made.service()
        yield made


def test_what_is_printed_is_a_file_that_the_task_scheduler_takes_by_its_rules(home: Home, folder: Path) -> None:
    done = home.wd(*PLAN, "--service", "shop", "--dry-run")
    assert done.code == 0, done.err
    (folder / "task.xml").write_text(done.out, "utf-8")
    xmlschema.XMLSchema(str(Path(__file__).parents[1] / "task.xsd")).validate(str(folder / "task.xml"))
    assert "&lt;co&gt;" in done.out


def test_where_there_is_no_task_scheduler_it_is_said_how_the_task_gets_to_one(home: Home) -> None:
    for verb in ("install", "show", "remove"):
        done = home.wd("schedule", verb, "--as", "task-scheduler")
        assert done.code == 3
        assert "schtasks /Create" in done.err
        assert len(done.err.splitlines()) <= 3


def test_an_interval_that_it_cannot_keep_is_wrong_usage(home: Home) -> None:
    done = home.wd(*PLAN, "--every", "30s", "--dry-run")
    assert done.code == 3
    assert "1m to 31d" in done.err
