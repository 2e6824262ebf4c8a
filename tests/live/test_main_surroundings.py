"""Wherever it is called from, wd ends with the right exit code and says so in one clear line."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import WD, Shop, shop_in, surroundings
from support import alive, wait_for


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def shell(shop: Shop, line: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A line of bash in which `wd` is the command."""
    script = f'wd() {{ {" ".join(WD)} --home {shop.folder} "$@"; }}; {line}'
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, errors="backslashreplace", cwd="/",
        env=surroundings(**env), timeout=100, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr + done.stdout and "Exception ignored" not in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-", ">/dev/full", "2>/dev/full"])
def test_a_closed_or_full_stream_changes_no_exit_code_and_no_work(shop: Shop, closed: str) -> None:
    with shop.server(hung=True) as old:
        assert shell(shop, f"wd find :{shop.port} {closed}").returncode == 0
        assert shell(shop, f"wd kill :1 {closed}").returncode == 4
        assert shell(shop, f"wd run short --service shop --yes {closed}").returncode == 0
        assert not alive(old.pid) and len(shop.copies()) == 1


def test_a_reader_that_has_seen_enough_is_no_failure(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        assert shell(shop, "wd --help | head -1; exit ${PIPESTATUS[0]}").returncode == 0
        assert shell(shop, "wd schema | head -1; exit ${PIPESTATUS[0]}").returncode == 0
        shop.runbook(
            "many", "```wd timeout=9s on-fail=continue\n" + "exec false\n" * 200 + "```\n```wd\nexec false\n```\n"
        )
        assert shell(shop, "wd run many -o json --yes | head -1; exit ${PIPESTATUS[0]}").returncode == 2
        done = shell(shop, "wd run short --service shop --yes -o json 2>&1 | head -1; exit ${PIPESTATUS[0]}")
        assert done.returncode == 0
        assert not alive(old.pid) and len(shop.copies()) == 1


@pytest.mark.parametrize("env", [{"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}])
def test_a_terminal_that_knows_only_ascii_gets_readable_text(shop: Shop, env: dict[str, str]) -> None:
    with shop.server(hung=True) as old:
        done = shell(shop, "wd run frozen-server --service shop --yes --set evidence=1s", **env)
        assert done.returncode == 0, done.stderr
        assert "recovered" in done.stdout
        assert not alive(old.pid) and len(shop.copies()) == 1


def test_the_current_folder_may_be_gone(shop: Shop) -> None:
    with shop.server(hung=True):
        gone = shop.folder / "gone"
        line = f"mkdir {gone}; cd {gone}; rmdir {gone}; wd run short --service shop --yes"
        assert shell(shop, line).returncode == 0
    assert len(shop.copies()) == 1


def test_a_terminal_asks_and_takes_yes_or_no(shop: Shop) -> None:
    def answer(word: bytes) -> int:
        pid, terminal = pty.fork()
        if pid == 0:
            argv = [*WD, "--home", str(shop.folder), "run", "short", "--service", "shop", "--step"]
            os.chdir("/")
            os.execve(sys.executable, argv, surroundings(TERM="dumb"))
        seen = b""
        with contextlib.suppress(OSError):  # EIO: the other end of the terminal is closed
            while part := os.read(terminal, 4096):
                seen += part
                if seen.count(b"[y/N]") > answer.asked:  # type: ignore[attr-defined]
                    answer.asked += 1  # type: ignore[attr-defined]
                    os.write(terminal, word + b"\n")
        os.close(terminal)
        answer.asked = 0  # type: ignore[attr-defined]
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    answer.asked = 0  # type: ignore[attr-defined]
    with shop.server(hung=True) as old:
        assert answer(b"no") == 5 and alive(old.pid)
        assert answer(b"y") == 0 and not alive(old.pid)
        assert len(shop.copies()) == 1


def test_a_terminal_that_goes_away_in_the_middle_leaves_the_server_started(shop: Shop) -> None:
    with shop.server(hung=True) as old:
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir("/")
            argv = [*WD, "--home", str(shop.folder), "run", "short", "--service", "shop", "--yes"]
            os.execve(sys.executable, argv, surroundings(TERM="dumb"))
        seen = b""
        while b"SIGTERM to" not in seen:
            seen += os.read(terminal, 4096)
        os.close(terminal)  # the window is closed: SIGHUP, and every later write fails
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        wait_for(lambda: len(shop.copies()) == 1 and not alive(old.pid), "the server is up again")
        assert code == 0
        assert shop.wd("incidents", "list", "-o", "json").rows[0]["outcome"] == "recovered"


def test_ctrl_c_is_exit_130_and_said(shop: Shop) -> None:
    shop.runbook("waits", "```wd timeout=60s\nwait 50s\n```\n")
    line = f"{' '.join(WD)} --home {shop.folder} run waits --service shop"
    with subprocess.Popen(
        ["bash", "-c", f"exec {line}"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
        env=surroundings(), preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as child:  # fmt: skip
        # The handler is set again because a test run in the background is started with Ctrl-C ignored.
        assert child.stderr is not None
        while "… wait" not in child.stderr.readline():
            pass
        child.send_signal(2)
        out, err = child.communicate(timeout=30)
    assert child.returncode == 130 and "interrupted" in err and "Traceback" not in err + out
    assert shop.wd("incidents", "list", "-o", "json").rows[0]["outcome"] == "interrupted"
