"""Full pipes: both directions at once in bounded memory, a child that floods, child or host that stop reading."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from bridges import Host, all_gone, bridge, child, environment, home
from support import wait_for

MB = 1_000_000
ECHO = "import os\nwhile data := os.read(0, 1 << 16):\n    while data:\n        data = data[os.write(1, data):]\n"
# The zoo's case: the answer is far longer than the question, and the host writes all before it reads.
TRANSLATOR = """
import json, sys
for line in sys.stdin:
    text = json.loads(line)["text"]
    print(json.dumps({"text": text[::-1], "alternatives": [text.upper()] * 8}), flush=True)
"""
# Answers far shorter than the questions: what waits in its pipe, once read, is room for all that it still has to say.
SHORTENER = """
import json, sys
for line in sys.stdin:
    print(json.dumps({"length": len(json.loads(line)["text"])}), flush=True)
"""


def peak(pid: int) -> int:
    """The most memory that a process has had, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def lines_of(size: int, length: int) -> bytes:
    """So many bytes of messages, each different."""
    filler = "x" * (length - 60)
    rows = size // length
    return b"".join(
        json.dumps({"jsonrpc": "2.0", "method": "m", "params": [number, filler]}).encode() + b"\n"
        for number in range(rows)
    )


def test_a_hundred_megabytes_pass_both_ways_at_once_in_bounded_memory(folder: Path) -> None:
    data = lines_of(100 * MB, 10_000)
    with bridge(folder, sys.executable, "-c", ECHO) as host:
        host.write(data[: data.index(b"\n") + 1])
        got = [host.take_bytes() + b"\n"]
        floor = peak(host.process.pid)
        writer = threading.Thread(target=host.write, args=(data[len(got[0]) :],), daemon=True)
        writer.start()
        left = len(data) - len(got[0])
        while left:
            got.append(host.read())
            left -= len(got[-1])
        writer.join(60)
        assert b"".join(got) == data
        assert peak(host.process.pid) - floor < 32 << 20
        assert host.end() == 0


def test_a_host_that_writes_all_before_it_reads_is_served_where_two_pipes_would_be_full(folder: Path) -> None:
    with bridge(folder, sys.executable, "-c", TRANSLATOR) as host:
        host.write(b'{"text": "good morning"}\n' * 5000)
        answers = [host.take() for _ in range(5000)]
        assert {one["text"] for one in answers} == {"gninrom doog"}
        assert host.end() == 0


@pytest.mark.parametrize(("program", "text"), [(TRANSLATOR, "good morning"), (SHORTENER, "x" * 1000)])
def test_both_directions_full_is_named_with_both_ends_and_ends(folder: Path, program: str, text: str) -> None:
    """A host that never reads and writes more than all queues take."""
    line = json.dumps({"text": text}).encode() + b"\n"
    script = f"import sys\nwhile True:\n    sys.stdout.buffer.write({line!r} * 1000)\n"
    command = [sys.executable, "-m", "watchdog.cli.main", "sidecar", "--queue", "100KB", "--restarts", "0", "--"]
    with (folder / "stderr").open("wb") as errors:
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [*command, sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=writing,
            stderr=errors,
            env=environment(home(folder)),
        )
        os.close(writing)
        writer = subprocess.Popen([sys.executable, "-c", script], stdout=process.stdin, stderr=subprocess.DEVNULL)
    try:
        assert process.stdin is not None
        process.stdin.close()
        host = Host(process, folder, False)
        wait_for(lambda: "; incident " in host.said(), "the incident is written", 120)
        assert "stdio-ipc-deadlock" in host.said(), host.said()
        assert f"its host {os.getpid()} both write" in host.said(), host.said()
        writer.wait(60)  # it is no longer stuck: its pipe is broken
    finally:
        os.close(reading)
        for one in (process, writer):
            if one.poll() is None:
                one.kill()
            one.wait(20)


def test_messages_that_may_be_lost_are_dropped_and_counted_and_the_host_is_not_slowed_down(folder: Path) -> None:
    options = ("--lossy", "tick", "--queue", "64KB", "--limit", "hang=8s")
    with bridge(folder, *child(folder), options=options) as host:
        host.initialize()
        host.ask("hang")
        for number in range(3000):  # far more than the queue and the pipe take: this ends while the child stands still
            host.send(method="tick", params={"number": number, "filler": "x" * 1000})
        assert host.take()["error"]["data"] == {"fault": "hung"}
        heard = host.request("echo")["result"]["heard"]
        assert heard[-1] == "echo"
        assert 0 < heard.count("tick") < 1000
        assert host.end() == 0
    assert re.search(r"dropped [1-9]\d{3}, parse errors 0", host.said())


def test_a_child_that_floods_is_slowed_down_and_loses_nothing(folder: Path) -> None:
    flood = 'import json\nfor n in range(200000): print(json.dumps({"jsonrpc": "2.0", "method": "tick", "params": n}))'
    with bridge(
        folder,
        sys.executable,
        "-c",
        flood,
        options=(
            "--queue",
            "64KB",
        ),
    ) as host:
        for number in range(200_000):
            assert host.take()["params"] == number
        assert host.process.wait(60) == 0


def test_a_child_that_stops_reading_is_replaced_and_what_was_not_sent_goes_to_the_next(folder: Path) -> None:
    lives = folder / "lives"
    reader = (
        "import json, os, sys, time\n"
        f"first = not os.path.exists({str(lives)!r})\n"
        f"open({str(lives)!r}, 'a').write(f'{{os.getpid()}} ')\n"
        "while first: time.sleep(60)\n"
        "for line in sys.stdin:\n"
        "    message = json.loads(line)\n"
        "    print(json.dumps({'jsonrpc': '2.0', 'id': message['id'], 'result': 1}), flush=True)\n"
    )
    with bridge(folder, sys.executable, "-c", reader, options=("--limit", "3s")) as host:
        numbers = [host.ask("put", data="x" * 1000) for _ in range(500)]
        answers = {one["id"]: one for one in (host.take() for _ in numbers)}
        lost = [number for number in numbers if "error" in answers[number]]
        assert sorted(answers) == numbers
        assert lost == numbers[: len(lost)]
        assert 0 < len(lost) < 200
        all_gone([int(lives.read_text().split()[0])])
