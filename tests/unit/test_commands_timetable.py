"""What outside schedulers are told: idempotent, removable, and quoted so that nothing in a path is obeyed."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from watchdog.commands.timetable import (
    Job,
    block_of,
    cron_line,
    daemon_unit,
    job_name,
    timer_units,
    with_block,
    without_block,
)

JOB = Job(
    "wd-shop-all-abc123", ("/usr/bin/wd", "--home", "/srv/my shop 100%", "tick"), 300.0, "wd looks after shop", "/srv"
)
OTHERS = "MAILTO=kim\n# a remark\n0 5 * * * /usr/bin/backup\n"


@pytest.mark.parametrize(
    ("every", "when"),
    [
        (60, "* * * * *"),
        (300, "*/5 * * * *"),
        (1800, "*/30 * * * *"),
        (3600, "0 * * * *"),
        (21600, "0 */6 * * *"),
        (86400, "0 0 * * *"),
    ],
)
def test_an_interval_becomes_a_cron_line(every: float, when: str) -> None:
    assert cron_line(replace(JOB, every=every)).startswith(when + " ")


@pytest.mark.parametrize("every", [1, 30, 90, 420, 5400, 18000, 172800])
def test_an_interval_that_cron_cannot_keep_is_refused(every: float) -> None:
    with pytest.raises(ValueError, match="cron takes"):
        cron_line(replace(JOB, every=every))


def test_a_path_with_blanks_and_percent_signs_reaches_the_command_as_it_is() -> None:
    line = cron_line(JOB)
    command = line.split(" ", 5)[5].removesuffix(" >/dev/null 2>&1")
    assert "\\%" in command
    assert shlex.split(command.replace("\\%", "%")) == list(JOB.command)


@pytest.mark.parametrize("home", ["/srv/a\\%b", "/srv/a\\\\b"])
def test_a_path_that_not_every_cron_reads_in_the_same_way_is_refused(home: str) -> None:
    with pytest.raises(ValueError, match="backslash"):
        cron_line(replace(JOB, command=("/usr/bin/wd", "--home", home)))
    assert "a\\b" in cron_line(replace(JOB, command=("/usr/bin/wd", "--home", "/srv/a\\b")))


def test_a_block_is_there_once_however_often_it_is_installed() -> None:
    once = with_block(OTHERS, JOB)
    assert with_block(once, JOB) == once
    assert once.startswith(OTHERS)
    changed = with_block(once, replace(JOB, every=600.0))
    assert changed.count(JOB.name) == 2
    assert "*/10" in block_of(changed, JOB.name)


def test_removing_leaves_everything_else_as_it_was() -> None:
    other = replace(JOB, name="wd-other-def456")
    both = with_block(with_block(OTHERS, JOB), other)
    assert without_block(both, JOB.name) == with_block(OTHERS, other)
    assert without_block(with_block(OTHERS, JOB), JOB.name) == OTHERS
    assert without_block(with_block("", JOB), JOB.name) == ""
    assert without_block(OTHERS, JOB.name) == OTHERS


def test_a_block_without_its_end_is_left_alone() -> None:
    torn = with_block(OTHERS, JOB).replace("# <<<", "# ---")
    assert without_block(torn, JOB.name) == torn


def test_the_lines_after_a_block_that_lost_its_end_survive_the_next_one() -> None:
    torn = with_block(OTHERS, JOB).replace("# <<<", "# ---") + "30 5 * * * /usr/bin/tidy\n"
    both = with_block(torn, JOB)
    assert both.startswith(torn)
    assert without_block(both, JOB.name) == torn


@pytest.mark.parametrize(
    "others",
    [
        pytest.param("0 5 * * * /usr/bin/backup\r\n# kept by an editor of Windows\r\n", id="CRLF"),
        pytest.param("0 5 * * * /usr/bin/mail kim%first line%second\\%line\n", id="percent signs"),
        pytest.param(
            "# page one\x0c\n# \u2028 and \x85 and \x1c end no line\n\n\n", id="what only Python takes for an end"
        ),
        pytest.param("# \udce9t\udce9 of no known encoding\n", id="bytes that are not text"),
        pytest.param("\n\n  # blanks  \t\n\t\n", id="blanks"),
    ],
)
def test_the_lines_of_others_stay_as_they_are_to_the_last_byte(others: str) -> None:
    both = with_block(others, JOB)
    assert both == others + block_of(both, JOB.name) + "\n"
    assert without_block(both, JOB.name) == others
    between = both + "# more of theirs\r\n"
    assert without_block(between, JOB.name) == others + "# more of theirs\r\n"


def test_a_last_line_without_an_end_gets_one_and_keeps_its_words() -> None:
    both = with_block("0 5 * * * /usr/bin/backup", JOB)
    assert both.startswith("0 5 * * * /usr/bin/backup\n# >>>")
    assert without_block(both, JOB.name) == "0 5 * * * /usr/bin/backup\n"


def test_a_block_that_an_editor_doubled_or_gave_other_line_ends_is_found_and_mended() -> None:
    once = with_block(OTHERS, JOB)
    odd = once.replace("\n", "\r\n") + block_of(once, JOB.name) + "\n"
    assert with_block(odd, JOB).count("# >>>") == 1
    assert without_block(odd, JOB.name) == OTHERS.replace("\n", "\r\n")


def test_each_home_and_service_has_a_job_of_its_own_and_keeps_it() -> None:
    names = {
        job_name("/srv/a", None),
        job_name("/srv/a", "shop"),
        job_name("/opt/a", None),
        job_name("/srv/a", "s hop"),
    }
    assert len(names) == 4
    assert job_name("/srv/a", "shop") == job_name("/srv/a", "shop")
    assert all(name.replace("-", "").isalnum() for name in names)


def test_units_take_specifiers_variables_and_quotes_as_plain_text() -> None:
    odd = replace(JOB, command=("/usr/bin/wd", "--home", '/srv/%h $HOME "x"', "tick"))
    unit = timer_units(odd)[f"{JOB.name}.service"]
    assert r'"/srv/%%h $$HOME \"x\""' in unit


def test_what_wd_started_outlives_the_unit_that_it_was_started_in() -> None:
    for units in (timer_units(JOB), daemon_unit(JOB, "default.target")):
        (service,) = (text for name, text in units.items() if name.endswith(".service"))
        lines = service.splitlines()
        assert "KillMode=process" in lines
        assert "OOMPolicy=continue" in lines
    assert {"Type=notify", "WatchdogSec=25", "Restart=always"} <= set(lines)


def test_a_folder_that_ends_in_a_backslash_does_not_swallow_the_next_line() -> None:
    odd = replace(JOB, folder="/srv/a\\", summary="wd looks after /srv/a\\")
    for text in (*timer_units(odd).values(), *daemon_unit(odd, "default.target").values()):
        assert not any(line.endswith("\\") for line in text.splitlines())


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_systemd_finds_nothing_wrong_with_the_units(folder: Path) -> None:
    real = replace(JOB, command=("/bin/true", *JOB.command[1:]), folder="/")
    units = timer_units(real) | daemon_unit(replace(real, name="wd-loop"), "multi-user.target")
    for name, text in units.items():
        (folder / name).write_text(text)
    for name in units:
        done = subprocess.run(
            ["systemd-analyze", "verify", str(folder / name)], capture_output=True, text=True, timeout=60, check=False
        )
        ours = [line for line in (done.stdout + done.stderr).splitlines() if str(folder) in line or "wd-" in line]
        assert not ours, ours
