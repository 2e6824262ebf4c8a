"""A JSON-RPC server over stdin and stdout that can go wrong in every way that a test names.

    stdio_child.py FOLDER [--headers] [--first FAULT]

Each life writes its pid into FOLDER/lives. `--first` is a fault of the first life only: crash (at import), mute (it
answers nothing), banner (log lines before the first message). All other faults are methods of requests.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--headers", action="store_true")
parser.add_argument("--first", default="")
parser.add_argument("--always", default="")
options = parser.parse_args()
lives = options.folder / "lives"
with lives.open("a", encoding="ascii") as file:
    file.write(f"{os.getpid()}\n")
life = len(lives.read_text().split())
fault = options.always or (options.first if life == 1 else "")
source, sink = sys.stdin.buffer, sys.stdout.buffer
heard: list[str] = []
lock = threading.Lock()

if fault == "crash":
    raise ImportError("no module named shop_settings")
if fault == "banner":
    for line in ("Starting server", "  listening on stdio", "warning: no cache"):
        print(line, flush=True)


def take() -> dict[str, Any] | None:
    if not options.headers:
        line = source.readline()
        return json.loads(line) if line else None
    size = 0
    while (line := source.readline()) not in (b"\r\n", b""):
        if line.lower().startswith(b"content-length:"):
            size = int(line.split(b":")[1])
    body = source.read(size) if line else b""
    return json.loads(body) if body else None


def framed(message: dict[str, Any]) -> bytes:
    text = json.dumps(message).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(text), text) if options.headers else text + b"\n"


def give(message: dict[str, Any]) -> None:
    sink.write(framed({"jsonrpc": "2.0", **message}))
    sink.flush()


def wait_for_ever() -> None:
    while True:
        time.sleep(60)


def fork_and_die() -> None:
    """A process in another session keeps our pipes open."""
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    (options.folder / "helper").write_text(str(helper.pid))
    os._exit(7)


def garbage(count: int) -> None:
    for number in range(count):
        sink.write(b"[INFO] step %d of the work\n" % number)
    sink.flush()


def half_a_frame(number: Any) -> None:
    sink.write(framed({"jsonrpc": "2.0", "id": number, "result": "x" * 1000})[:500])
    sink.flush()
    os._exit(9)


def answer(message: dict[str, Any]) -> None:
    method, number = message.get("method", ""), message.get("id")
    heard.append(method)
    if fault == "mute":
        return
    if method == "ping":
        (options.folder / "pinged").touch()
        if (options.folder / "deaf").exists():
            (options.folder / "deaf").unlink()
            wait_for_ever()
    if method == "hang":
        wait_for_ever()
    elif method == "lock":
        with lock, lock:
            pass
    elif method == "collect":  # it answers when it has heard of all parts
        while len(heard) < message["params"]["parts"]:
            heard.append((take() or {}).get("method", ""))
    elif method == "die":
        os._exit(3)
    elif method == "half":
        half_a_frame(number)
    elif method == "fork":
        fork_and_die()
    elif method == "garbage":
        garbage(message["params"]["count"])
    elif method == "close-stdin":
        os.close(0)
        wait_for_ever()
    elif method == "ask-host":
        give({"id": "child-1", "method": "roots/list"})
        return
    elif method == "shout":
        sys.stderr.write("e" * message["params"]["size"])
        sys.stderr.flush()
    if number is not None:
        give(
            {
                "id": number,
                "result": {"pid": os.getpid(), "life": life, "heard": heard, "params": message.get("params")},
            }
        )


while (request := take()) is not None:
    answer(request)
