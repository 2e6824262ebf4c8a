"""`wd status` as a person reads it: live on a terminal, into a pipe, and what it tells of deaths."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import wait_for
from terminals import terminal
from watching import WD, Home, Service

COLOUR = re.compile(r"\x1b\[(\d;)?3\dm")
GROUPS = Path("/sys/fs/cgroup/memory")


def observed(home: Home) -> Service:
    shop = home.service()
    shop.playbook["policy"]["mode"] = "observe"
    shop.write()
    shop.start()
    return shop


def test_a_service_is_seen_to_fail_and_to_come_back_and_ctrl_c_gives_the_cursor_back(home: Home) -> None:
    shop = observed(home)
    home.watch()
    with terminal(home.folder, "status", "--follow", env={"NO_COLOR": "1"}) as screen:
        screen.shows("✓ shop  ok")
        shop.tell("down")
        screen.shows("✗ shop  failed")
        before = len(screen.shown)
        shop.tell("down", None)
        wait_for(lambda: "✓ shop  ok" in screen.shown[before:], "it is shown to be back", 60)
        assert "\x1b[?1049h" in screen.shown, "on a screen of its own"
        assert not COLOUR.search(screen.shown)
        screen.type("\x03")
        assert screen.process.wait(60) == 130
        wait_for(lambda: screen.shown.rfind("\x1b[?25h") > screen.shown.rfind("\x1b[?25l"), "the cursor is back")
        wait_for(lambda: "✓ shop  ok" in screen.shown.rpartition("\x1b[?1049l")[2], "the last look stays")
        assert "Traceback" not in screen.shown


def test_more_services_than_lines_are_scrolled_and_a_smaller_terminal_is_filled_again(home: Home) -> None:
    for number in range(12):
        home.service(f"s{number:02}")
    with terminal(home.folder, "status", "--follow") as screen:
        screen.shows("s11")
        before = len(screen.shown)
        screen.resize(6, 40)
        wait_for(lambda: "1 to 5 of 12" in screen.shown[before:], "it fits the smaller terminal", 60)
        assert "s05" not in screen.shown[before:]
        screen.type("\x1b[6~")
        wait_for(lambda: "8 to 12 of 12" in screen.shown[before:], "it has scrolled to the end", 60)
        assert COLOUR.search(screen.shown)
        screen.type("q")
        assert screen.process.wait(60) == 130


def test_one_line_a_service_the_worst_first_and_all_of_it_with_a_name(home: Home) -> None:
    names = ("alpha", "beta", "gamma")
    services = [home.service(name) for name in names]
    for service in services:
        service.playbook["policy"]["mode"] = "observe"
        service.write()
        service.start()
    services[2].tell("down")
    home.wd("tick")
    told = home.wd("status").out.splitlines()
    assert [line.split()[:3] for line in told] == [["✗", "gamma", "failed"], ["✓", "alpha", "ok"], ["✓", "beta", "ok"]]
    assert "answers 503" in told[0]
    all_of_it = home.wd("status", "alpha").out
    assert "alpha: ok" in all_of_it and "mode observe" in all_of_it and "day, week, month" in all_of_it
    with terminal(home.folder, "status") as screen:
        screen.shows("failed")
        assert COLOUR.search(screen.shown)
    with terminal(home.folder, "status", env={"NO_COLOR": "1"}) as screen:
        screen.shows("failed")
        assert not COLOUR.search(screen.shown)


def test_into_a_pipe_it_goes_look_after_look_without_escape_codes(home: Home) -> None:
    observed(home)
    home.watch()
    argv = [*WD, "--home", str(home.folder), "status", "--follow"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        seen = b""
        while seen.count(b" shop ") < 2:
            line = process.stdout.readline()
            assert line
            seen += line
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"\x1b" not in seen + rest
    assert errors == b""


def test_as_json_each_look_is_an_object_a_line(home: Home) -> None:
    observed(home)
    argv = [*WD, "--home", str(home.folder), "status", "--follow", "-o", "json"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert [json.loads(process.stdout.readline())["service"] for _ in range(2)] == ["shop", "shop"]
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert json.loads(rest.splitlines()[-1])["services"] == 1


def test_a_reader_who_goes_away_ends_it(home: Home) -> None:
    observed(home)
    argv = [*WD, "--home", str(home.folder), "status", "--follow"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.wait(60)
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()


def test_a_death_is_told_with_signal_life_memory_and_last_words_and_how_long_it_is_well(home: Home) -> None:
    shop = home.service()
    daemon = home.watch()
    daemon.hears("bring-back: recovered", 90)
    first = shop.pid()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: daemon.said.count("bring-back: recovered") == 2, "it is back", 90)
    wait_for(lambda: home.wd("status").code == 0, "the journal has the good answers", 60)
    told = home.wd("status", "shop").out
    assert f"pid {first} ended by SIGKILL after " in told
    assert ", at most " in told
    assert "day, week, month " in told, "what is the same is told once"
    assert " of " in told, "and how much of the time is known"
    assert "2 restarts, each held" in told
    assert "next check in" in told or "next check now" in told
    found = json.loads(home.wd("status", "-o", "json").out.splitlines()[0])
    assert found["since"] > found["deaths"][0]["ended"], "well since the restart, not since before the death"


def test_nobody_who_asks_is_told_with_the_last_time(home: Home) -> None:
    observed(home)
    home.wd("tick")
    wait_for(lambda: "nobody checks it, last asked" in home.wd("status", "shop").out, "nobody asks any more", 60)


@pytest.fixture
def small_group() -> Iterator[Path]:
    """A control group with 64 MiB, where one can be made."""
    group = GROUPS / f"wd-test-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(64 << 20))
        with contextlib.suppress(OSError):
            (group / "memory.memsw.limit_in_bytes").write_text(str(64 << 20))
        Path("/dev/kmsg").open().close()
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"needs root and a memory control group of its own: {error}")
    yield group
    wait_for(lambda: not (group / "tasks").read_text().strip(), "the group is empty", 60)
    group.rmdir()


def test_an_end_by_the_kernel_for_want_of_memory_is_named(home: Home, small_group: Path) -> None:
    shop = home.service()
    grown = [sys.executable, *shop.argv[1:]]
    shop.playbook["start"]["command"] = ["/bin/sh", "-c", f'echo $$ >{small_group}/tasks; exec "$@"', "sh", *grown]
    shop.write()
    shop.tell("memory", 200)
    daemon = home.watch()
    daemon.hears("bring-back: failed", 90)
    wait_for(
        lambda: "ended by the kernel because memory ran out" in home.wd("status", "shop").out, "the kernel is named", 60
    )
    daemon.stop()  # whatever it has begun by then ends in the same way
