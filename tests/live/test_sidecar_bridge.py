"""A host and a child with `wd sidecar` between them: nothing changes, and no fault of the child reaches the host."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from bridges import WITHIN, all_gone, bridge, child, environment, home
from support import alive, wait_for

FRAMES = 100


@pytest.mark.parametrize("headers", [False, True])
def test_without_a_fault_every_byte_is_the_same(folder: Path, headers: bool) -> None:
    words = ["--headers"] if headers else []
    params = [{"text": "ä€\u2028" * number} for number in range(50)]
    texts = [json.dumps({"jsonrpc": "2.0", "id": n, "method": "echo", "params": one}) for n, one in enumerate(params)]
    asked = b"".join(framed(text.encode(), headers) for text in texts)
    for name in ("straight", "through"):
        (folder / name).mkdir()
    straight = subprocess.run(
        child(folder / "straight", *words), input=asked, capture_output=True, timeout=60, check=True
    )
    with bridge(folder, *child(folder / "through", *words)) as host:
        got = host.through(asked)
        assert host.process.wait(WITHIN) == 0
    assert without_pids(got, folder / "through") == without_pids(straight.stdout, folder / "straight")


def test_a_session_of_a_hundred_concurrent_frames_keeps_their_order(folder: Path) -> None:
    with bridge(folder, *child(folder)) as host:
        numbers = [host.ask("echo", frame=n) for n in range(FRAMES)]
        answers = [host.take() for _ in range(FRAMES)]
        assert [one["id"] for one in answers] == numbers
        assert [one["result"]["params"]["frame"] for one in answers] == list(range(FRAMES))
        assert host.end() == 0
        assert host.read() == b""


@pytest.mark.parametrize("headers", [False, True])
@pytest.mark.parametrize("fault", ["die", "half", "fork"])
def test_after_a_death_the_request_gets_an_error_and_the_next_one_an_answer(
    folder: Path, fault: str, headers: bool
) -> None:
    with bridge(folder, *child(folder, *(["--headers"] if headers else [])), headers=headers) as host:
        host.initialize()
        error = host.request(fault)["error"]
        assert error["code"] == -32000
        assert "starts it again" in error["message"]
        answer = host.request("echo")["result"]
        assert answer["life"] == 2
        assert answer["heard"] == ["initialize", "notifications/initialized", "echo"]
        all_gone(host.lives()[:1])
        if fault == "fork":
            all_gone([int((folder / "helper").read_text())])


def test_a_child_that_crashes_at_import_is_started_again_and_the_host_gets_its_answer(folder: Path) -> None:
    with bridge(folder, *child(folder, "--first", "crash")) as host:
        assert host.initialize()["result"]["life"] == 2
        assert "shop_settings" in host.said()


def test_a_child_that_crashes_each_time_is_given_up_with_an_error_and_end_of_file(folder: Path) -> None:
    with bridge(folder, *child(folder, "--always", "crash")) as host:
        number = host.ask("initialize")
        answer = host.take()
        assert answer["id"] == number
        assert "ended with code 1" in answer["error"]["message"]
        notice = host.take()
        assert notice["method"] == "notifications/message"
        with pytest.raises(EOFError):
            host.take()
        assert host.process.wait(WITHIN) == 1
        assert len(host.lives()) == 4


def test_a_child_that_never_answers_initialize_is_replaced_and_the_host_gets_its_answer(folder: Path) -> None:
    with bridge(folder, *child(folder, "--first", "mute"), options=("--limit", "initialize=2s")) as host:
        assert host.initialize()["result"]["life"] == 2
        all_gone(host.lives()[:1])


def test_a_request_past_its_limit_is_a_hang_and_gets_an_error(folder: Path) -> None:
    with bridge(folder, *child(folder), options=("--limit", "hang=2s")) as host:
        host.initialize()
        error = host.request("hang")["error"]
        assert error["data"] == {"fault": "hung"}
        assert "has not answered hang" in error["message"]
        assert host.request("echo")["result"]["life"] == 2
        all_gone(host.lives()[:1])


def test_log_lines_on_standard_output_are_left_out_and_the_session_goes_on(folder: Path) -> None:
    with bridge(folder, *child(folder, "--first", "banner")) as host:
        host.initialize()
        assert host.request("garbage", count=3)["result"]["life"] == 1
        for number in range(200):
            count = 1 if number % 100 == 0 else 0
            assert host.request("garbage", count=count)["result"]["life"] == 1


def test_log_lines_between_frames_with_headers_are_left_out(folder: Path) -> None:
    with bridge(folder, *child(folder, "--headers", "--first", "banner"), headers=True) as host:
        host.initialize()
        assert host.request("garbage", count=2)["result"]["life"] == 1


def test_ten_broken_lines_in_a_row_end_the_child(folder: Path) -> None:
    with bridge(folder, *child(folder)) as host:
        host.initialize()
        assert host.request("garbage", count=10)["error"]["data"] == {"fault": "garbage"}
        assert host.request("echo")["result"]["life"] == 2


def test_a_child_that_closes_its_standard_input_is_replaced(folder: Path) -> None:
    with bridge(folder, *child(folder)) as host:
        host.initialize()
        host.ask("close-stdin")
        lost = [host.ask("echo")]
        answers = [host.take(), host.take()]
        assert {one["id"] for one in answers} == {lost[0] - 1, lost[0]}
        assert host.request("echo")["result"]["life"] == 2


def test_an_answer_to_a_question_of_a_dead_child_does_not_reach_the_next(folder: Path) -> None:
    with bridge(folder, *child(folder)) as host:
        host.initialize()
        host.ask("ask-host")
        assert host.take()["method"] == "roots/list"
        os.kill(host.lives()[0], signal.SIGKILL)
        assert host.take()["error"]["data"] == {"fault": "died"}
        host.send(id="child-1", result={})
        assert "" not in host.request("echo")["result"]["heard"]


def test_a_child_that_fills_its_standard_error_does_not_stand_still(folder: Path) -> None:
    """The host's standard error is a pipe that nobody reads."""
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "watchdog.cli.main", "sidecar", "--", *child(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=writing,
        env=environment(home(folder)),
    )
    os.close(writing)
    try:
        asked = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "shout", "params": {"size": 5_000_000}})
        out, _ = process.communicate(asked.encode() + b"\n", timeout=WITHIN)
        assert json.loads(out)["id"] == 1
        assert process.returncode == 0
    finally:
        os.close(reading)
        if process.poll() is None:
            process.terminate()
            process.wait(20)


def test_a_program_that_speaks_no_json_is_passed_on_unchanged(folder: Path) -> None:
    with bridge(folder, "cat") as host:
        host.write(b"EHLO \xff\x00\n\n")
        got = b""
        while len(got) < 9:
            got += host.read()
        assert got == b"EHLO \xff\x00\n\n"
        assert host.end() == 0


def test_the_exit_code_is_the_childs(folder: Path) -> None:
    with bridge(folder, sys.executable, "-c", "import sys; sys.stdin.read(); sys.exit(42)") as host:
        assert host.end() == 42


def test_a_command_that_cannot_be_run_is_named(folder: Path) -> None:
    with bridge(folder, "no-such-program", options=("--restarts", "0")) as host:
        assert "could not be started: no-such-program" in host.request("initialize")["error"]["message"]
        assert host.process.wait(WITHIN) == 2


@pytest.mark.parametrize("victim", ["bridge", "keeper", "host"])
def test_a_kill_9_leaves_no_process_behind(folder: Path, victim: str) -> None:
    """The child has a helper in a session of its own that keeps its pipes open."""
    script = (
        "import subprocess, sys, time\n"
        f"sys.stdin = None\np = subprocess.Popen([sys.executable, '-m', 'watchdog.cli.main', 'sidecar', '--',"
        f" sys.executable, '-c', {HELPERS!r}, {str(folder)!r}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        "p.stdin.write(b'{}\\n'); p.stdin.flush()\nprint(p.pid, flush=True)\ntime.sleep(600)\n"
    )
    host = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment(home(folder)), start_new_session=True
    )
    pids: list[int] = []
    try:
        assert host.stdout is not None
        bridge_pid = int(host.stdout.readline())
        pids.append(bridge_pid)
        wait_for((folder / "pids").exists, "the child has started its helpers")
        pids += [int(word) for word in (folder / "pids").read_text().split()]
        keeper = parent_of(pids[1])
        pids.append(keeper)
        os.kill({"bridge": bridge_pid, "keeper": keeper, "host": host.pid}[victim], signal.SIGKILL)
        all_gone(pids[1:4])
        if victim == "host":
            all_gone(pids)
    finally:
        for pid in [host.pid, *pids]:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        host.wait(10)


HELPERS = """
import os, subprocess, sys, time
folder = sys.argv[1]
sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
one = subprocess.Popen(sleep, start_new_session=True)
shell = ["/bin/sh", "-c", "setsid sleep 600 & echo $!; wait"]
two = subprocess.Popen(shell, stdout=subprocess.PIPE, start_new_session=True)
other = int(two.stdout.readline())
with open(folder + "/pids.part", "w") as file:
    file.write(f"{os.getpid()} {one.pid} {other}")
os.rename(folder + "/pids.part", folder + "/pids")
while True:
    time.sleep(60)
"""


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat[stat.rindex(")") + 2 :].split()[1])


def framed(text: bytes, headers: bool) -> bytes:
    return b"Content-Length: %d\r\n\r\n%b" % (len(text), text) if headers else text + b"\n"


def without_pids(data: bytes, folder: Path) -> bytes:
    """Two runs differ in the pid of the child, and in the length that a header gives where the pid is longer."""
    pid = (folder / "lives").read_text().split()[0].encode()
    return re.sub(rb"Content-Length: \d+", b"", data.replace(b'"pid": ' + pid, b""))
