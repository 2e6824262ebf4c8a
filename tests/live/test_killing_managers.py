"""Whose manager is it? An order goes to the very manager that keeps the process, or to nobody."""

from __future__ import annotations

import pwd
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import managers
import pytest
from homes import WD, Done, surroundings
from support import SERVERS, connects, end_session, free_port, running, wait_for

KINDS = [managers.supervisord, managers.runit, managers.circusd, managers.pm2]
Keep = Callable[..., AbstractContextManager[int]]


def wd(folder: Path, *words: str, path: str = "") -> Done:
    home = folder / "wd-home"
    for name in ("playbooks", "runbooks", "logs"):
        (home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    argv = [*WD, "--home", str(home), *words]
    env = surroundings(**({"PATH": path} if path else {}))
    done = subprocess.run(
        argv, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100, env=env, check=False
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


def kill(folder: Path, port: int, *words: str, path: str = "") -> Done:
    return wd(folder, "kill", "--port", str(port), "--yes", "--no-evidence", *words, path=path)


@pytest.mark.parametrize("keep", KINDS)
@pytest.mark.parametrize("which", [0, 1])
def test_of_two_programs_of_one_name_only_the_one_that_is_meant_is_stopped(
    keep: Keep, which: int, folder: Path
) -> None:
    with keep(folder / "one") as first, keep(folder / "two") as second:
        meant, other = (first, second) if which == 0 else (second, first)
        before = managers.holder(other)
        found = kill(folder, meant)
        assert found.code == 0, found.out + found.err
        assert not connects(meant)
        assert managers.holder(other) == before


@pytest.mark.parametrize("keep", [managers.supervisord, managers.runit])
def test_a_manager_whose_command_is_not_on_the_path_is_reached_by_the_one_beside_it(keep: Keep, folder: Path) -> None:
    with keep(folder / "one") as port:
        found = kill(folder, port, path="/nonexistent")
        assert found.code == 0, found.out + found.err
        assert not connects(port)


def test_a_program_called_all_is_stopped_alone(folder: Path) -> None:
    with managers.supervisord(folder / "one", "all") as port:
        text = (folder / "one" / "own.conf").read_text()
        assert "[program:all]" in text
        found = kill(folder, port)
        assert found.code == 0, found.out + found.err
        assert "stop all:all" in found.err
        assert not connects(port)


def test_a_program_that_its_manager_still_calls_starting_is_stopped(folder: Path) -> None:
    with managers.supervisord(folder / "one", startsecs=600) as port:
        found = kill(folder, port)
        assert found.code == 0, found.out + found.err
        assert not connects(port)


def test_a_dry_run_shows_the_order_and_gives_none(folder: Path) -> None:
    with managers.runit(folder / "one") as port:
        found = kill(folder, port, "--dry-run")
        assert found.code == 0
        assert f"through its manager: sv down {folder}/one/shop" in found.out
        assert connects(port)


@pytest.mark.root
@pytest.mark.parametrize("name", ["all", "shop"])
def test_a_program_of_an_ordinary_user_that_calls_itself_a_manager_moves_nothing_as_root(
    name: str, folder: Path
) -> None:
    """It starts a server whose environment names a program of root's own supervisord."""
    nobody = pwd.getpwnam("nobody")
    port = free_port()
    with managers.supervisord(folder / "one") as real:
        before = managers.holder(real)
        server = f"{managers.SYSTEM_PYTHON} -m http.server --bind 127.0.0.1 {port}"
        code = f"SUPERVISOR_PROCESS_NAME={name} {server} & wait"
        forged = subprocess.Popen(
            ["supervisord", "-c", code], executable="/bin/sh", start_new_session=True, user=nobody.pw_uid, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            wait_for(lambda: connects(port), "the forged one listens")
            found = kill(folder, port)
            assert found.code == 5, found.out + found.err
            assert "runuser -u nobody -- wd kill --pid" in found.out + found.err
            assert managers.holder(real) == before
            assert connects(port)
        finally:
            end_session(forged)


def test_a_name_and_an_environment_that_are_forged_reach_no_other_program(folder: Path) -> None:
    """A process of the caller's own, below a shell that has the name of a manager."""
    with managers.supervisord(folder / "one") as real:
        before = managers.holder(real)
        port = free_port()
        code = (
            "import os, sys\n"
            "open('/proc/self/comm', 'w').write('supervisord')\n"
            f"os.spawnve(os.P_WAIT, sys.executable, ['supervisord-child', {str(SERVERS / 'plain.py')!r}, '{port}'],"
            " {**os.environ, 'SUPERVISOR_PROCESS_NAME': 'shop', 'SUPERVISOR_SERVER_URL': "
            f"'unix://{folder}/one/supervisor.sock'}})\n"
        )
        with running("-c", code, port=port):
            found = kill(folder, port)
            assert found.code == 5, found.out + found.err
            assert "none of its control sockets names pid" in found.out + found.err
            assert managers.holder(real) == before and connects(port)


@pytest.mark.root
def test_a_control_socket_that_another_user_may_replace_is_not_used(folder: Path) -> None:
    open_to_all = folder / "one"
    with managers.supervisord(open_to_all) as port:
        folder.chmod(0o755)
        open_to_all.chmod(0o777)
        found = kill(folder, port)
        assert found.code == 5 and "can be written by everybody" in found.out + found.err
        assert connects(port)


def test_an_order_that_would_end_a_second_server_is_not_given(folder: Path) -> None:
    first, second = free_port(), free_port()
    (folder / "one" / "shop").mkdir(parents=True, mode=0o700)
    run = folder / "one" / "shop" / "run"
    run.write_text(
        f"#!/bin/sh\nsetsid {managers.server_command(first)} &\nsetsid {managers.server_command(second)} &\nwait\n"
    )
    run.chmod(0o755)
    managers.needs("runsv", "sv")
    with managers.keeping(["runsv", "shop"], folder / "one"):
        wait_for(lambda: connects(first) and connects(second), "both listen")
        found = kill(folder, first)
        assert found.code == 5, found.out + found.err
        assert "the order would also end pid" in found.out + found.err
        assert connects(first) and connects(second)
