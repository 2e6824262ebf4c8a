"""The fourth story: a desktop app and its speech server over stdin and stdout, with the worked playbook.

The app sends audio frames while answers are on their way. Once both waited for each other for ever; now nothing is
lost, what goes wrong is counted, three restarts are made, and above the limits the last good version is started.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bridges import Host, bridge, home
from test_sidecar_evidence import wd

ROOT = Path(__file__).parents[2]
SPEECH = """
import json, sys, time
version, heard = sys.argv[1], 0
def give(**event): print(json.dumps({"type": "event", "version": version, **event}), flush=True)
for line in sys.stdin:
    frame = json.loads(line)
    heard += 1
    what = frame.get("params", {}).get("audio", "")
    if what == "crash-anyhow": sys.exit(9)
    if what == "hang": time.sleep(600)
    if what == "busy": time.sleep(600)
    if what == "noise": print("model: loading weights")
    if what == "crash-always" and version == "new": sys.exit(9)
    give(id=frame["id"], eventType="partial_text", text=what)
    give(id=frame["id"], eventType="speech_end" if what else "no_speech", frame=frame.get("params", {}).get("number"))
"""


def speech_home(folder: Path, **sidecar: Any) -> None:
    """The worked playbook, with this server in place of the one under /opt."""
    text = (ROOT / "playbooks" / "stdio-sidecar.yml").read_text(encoding="utf-8")
    (folder / "speech.py").write_text(SPEECH)
    for version, path in (("new", "/opt/speech/bin/python3"), ("before", "/opt/speech-before/bin/python3")):
        command = json.dumps([sys.executable, str(folder / "speech.py"), version])
        text = text.replace(f"[{path}, -m, speech.server]", command)
    for key, value in sidecar.items():
        lines = [line for line in text.rstrip().split("\n") if not line.startswith(f"  {key}:")]
        text = "\n".join([*lines, f"  {key}: {value}\n"])  # the section `sidecar` is the last one
    (home(folder) / "playbooks" / "speech.yml").write_text(text)


def send(host: Host, number: int, audio: str = "hello") -> None:
    frame = {"type": "request", "id": f"audio-{number}", "version": "1.0", "method": "process_audio_stream"}
    host.write(json.dumps({**frame, "params": {"audio": audio, "number": number}}).encode() + b"\n")


def until_terminal(host: Host) -> dict[str, Any]:
    while (event := host.take())["type"] == "event" and event["eventType"] == "partial_text":
        pass
    return event


def test_a_hundred_concurrent_frames_end_in_order_and_the_metrics_tell_it(folder: Path) -> None:
    speech_home(folder)
    with bridge(folder, options=("--service", "speech")) as host:
        for number in range(100):
            send(host, number, "" if number % 10 == 0 else "noise" if number == 55 else "hello")
        ends = [until_terminal(host) for _ in range(100)]
        assert [one["frame"] for one in ends] == list(range(100))
        assert host.end() == 0
    assert "sent 100, received 200, dropped 0, parse errors 1, IPC errors 0, restarts 0" in host.said()
    (row, _) = wd(folder, "status", "speech", "-o", "json")
    figures = row["sidecar"]
    assert (row["service"], row["state"]) == ("speech", "stopped")
    assert (figures["requests"], figures["answers"], figures["pending"], figures["over"]) == (100, 100, 0, True)
    assert 0 < figures["p50"] <= figures["p99"]


def test_a_crash_ends_no_session_and_three_in_a_row_start_the_version_before(folder: Path) -> None:
    speech_home(folder)
    with bridge(folder, options=("--service", "speech")) as host:
        versions = []
        for number in range(4):
            send(host, 2 * number, "crash-always")
            versions.append(until_terminal(host).get("version", "error"))
        assert versions == ["error", "error", "error", "before"]
        assert "rollback: 3 restarts in a row did not help" in host.said()


def test_more_than_one_hang_in_a_hundred_requests_is_the_rollback(folder: Path) -> None:
    speech_home(folder, limit="3s")
    with bridge(folder, options=("--service", "speech")) as host:
        versions = []
        for number, audio in enumerate(["hello", "hang", "hello", "hang", "hello"]):
            send(host, number, audio)
            versions.append(until_terminal(host).get("version", "error"))
        assert versions == ["new", "error", "new", "error", "before"]
        assert re.search("rollback: 2 of [45] requests hung: more than 1%", host.said())


def test_more_than_five_dropped_in_a_hundred_messages_is_the_rollback(folder: Path) -> None:
    speech_home(folder, lossy="[keepalive, process_audio_stream]", queue="64KB")
    with bridge(folder, options=("--service", "speech")) as host:
        send(host, 0)
        assert until_terminal(host)["version"] == "new"
        send(host, 1, "busy")  # it reads nothing for a while, and the app goes on sending
        for number in range(2, 3000):
            send(host, number, "x" * 500)
        before = (one for one in iter(host.take, None) if one.get("version") == "before")
        assert next(before)["type"] == "event"
        assert re.search(r"speech is too slow: \d+ of \d+ messages were dropped: more than 5%", host.said())
        assert "rollback: " in host.said()


def test_the_server_that_always_dies_is_given_up_and_the_app_is_told(folder: Path) -> None:
    speech_home(folder)
    with bridge(folder, options=("--service", "speech")) as host:
        answers = []
        for number in range(4):
            send(host, number, "crash-anyhow")
            answers.append(until_terminal(host))
        with pytest.raises(EOFError):
            host.take()
        assert [one["type"] for one in answers] == ["error"] * 4
        assert "does not start it again" in answers[-1]["error"]["message"]
        assert host.process.wait(40) == 9
    (row, last) = wd(folder, "status", "speech", "-o", "json")
    assert (row["state"], last["worst"]) == ("failed", "failed")
    assert "gave up" in row["message"]


def test_the_worked_playbook_is_valid(folder: Path) -> None:
    speech_home(folder)
    done = subprocess.run(
        [sys.executable, "-m", "watchdog.cli.main", "validate", str(home(folder) / "playbooks" / "speech.yml")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
