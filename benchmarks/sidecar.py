"""What `wd sidecar` costs: added latency, throughput with its floor, sessions of concurrent frames, memory.

    python benchmarks/sidecar.py [--seconds 20] [--sessions 1000] [--megabytes 100]

Each number stands beside the same one of the child without a bridge. The throughput's floor is a program that only
copies the same bytes between the same pipes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

PYTHON = sys.executable
ECHO = "import sys\nfor line in sys.stdin.buffer:\n    sys.stdout.buffer.write(line)\n    sys.stdout.buffer.flush()\n"
COPY = "import os\nwhile data := os.read(0, 1 << 18):\n    while data: data = data[os.write(1, data):]\n"
EVENTS = """
import json, sys
for line in sys.stdin:
    frame = json.loads(line)
    print(json.dumps({"type": "event", "id": frame["id"], "eventType": "partial_text"}))
    print(json.dumps({"type": "event", "id": frame["id"], "eventType": "speech_end"}), flush=True)
"""
RATE, FRAMES, PER_BRIDGE = 100, 100, 100


def bridged(command: Sequence[str]) -> list[str]:
    return [PYTHON, "-m", "watchdog.cli.main", "sidecar", "--", *command]


@contextlib.contextmanager
def started(command: Sequence[str], home: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "WD_HOME": str(home)}, bufsize=0
    )
    try:
        yield process
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()  # type: ignore[union-attr]
        process.wait(60)
        process.stdout.close()  # type: ignore[union-attr]


def latencies(command: Sequence[str], home: Path, seconds: float) -> list[float]:
    """Seconds of each question and answer, at a steady rate; sorted."""
    found = []
    with started(command, home) as process:
        stdout = os.fdopen(os.dup(process.stdout.fileno()), "rb")  # type: ignore[union-attr]
        due = time.perf_counter()
        for number in range(int(seconds * RATE) + 20):
            while (left := due - time.perf_counter()) > 0:
                time.sleep(left)
            begun = time.perf_counter()
            process.stdin.write(b'{"jsonrpc": "2.0", "id": %d, "method": "echo"}\n' % number)  # type: ignore[union-attr]
            stdout.readline()
            found.append(time.perf_counter() - begun)
            due = max(due + 1 / RATE, time.perf_counter())
        stdout.close()
    return sorted(found[20:])  # the first ones wait for the interpreter


def throughput(command: Sequence[str], home: Path, data: bytes) -> tuple[float, int]:
    """(MB/s for the bytes there and back at the same time, peak memory of the first process)."""
    with started(command, home) as process:
        process.stdin.write(data[: data.index(b"\n") + 1])  # type: ignore[union-attr]
        left = len(data) - len(os.read(process.stdout.fileno(), 1 << 20))  # type: ignore[union-attr]
        rest = memoryview(data)[len(data) - left :]

        def write() -> None:
            sent = 0
            while sent < len(rest):
                sent += os.write(process.stdin.fileno(), rest[sent : sent + (1 << 20)])  # type: ignore[union-attr]

        begun = time.perf_counter()
        writer = threading.Thread(target=write)
        writer.start()
        while left:
            left -= len(os.read(process.stdout.fileno(), 1 << 20))  # type: ignore[union-attr]
        writer.join()
        seconds = time.perf_counter() - begun
        return len(data) / seconds / 1e6, peak(process.pid)


def peak(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def sessions(home: Path, count: int) -> tuple[int, int, float]:
    """(sessions that ended, frames lost, doubled or out of order, seconds) of `FRAMES` concurrent frames each."""
    done, wrong, begun = 0, 0, time.perf_counter()
    while done < count:
        with started(bridged([PYTHON, "-c", EVENTS]), home) as process:
            stdout = os.fdopen(os.dup(process.stdout.fileno()), "rb")  # type: ignore[union-attr]
            for _ in range(min(PER_BRIDGE, count - done)):
                frames = [json.dumps({"type": "request", "id": f"{done}-{n}", "method": "a"}) for n in range(FRAMES)]
                process.stdin.write(("\n".join(frames) + "\n").encode())  # type: ignore[union-attr]
                ends = [json.loads(stdout.readline()) for _ in range(2 * FRAMES)][1::2]
                wrong += sum(end["id"] != f"{done}-{n}" for n, end in enumerate(ends))
                done += 1
            stdout.close()
    return done, wrong, time.perf_counter() - begun


def at(values: Sequence[float], share: float) -> float:
    return values[min(len(values) - 1, int(share * len(values)))]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--sessions", type=int, default=1000)
    parser.add_argument("--megabytes", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "playbooks").mkdir()
        echo = [PYTHON, "-c", ECHO]
        plain, through = (latencies(one, home, options.seconds) for one in (echo, bridged(echo)))
        for share in (0.5, 0.99):
            without, with_it = at(plain, share) * 1000, at(through, share) * 1000
            told = f"{without:.3f} ms without, {with_it:.3f} ms with, {with_it - without:+.3f}"
            print(f"p{share * 100:g} at {RATE}/s: {told}")
        for length in (200, 10_000):
            row = json.dumps({"jsonrpc": "2.0", "method": "m", "params": "x" * (length - 50)}).encode() + b"\n"
            data = row * (options.megabytes * 1_000_000 // len(row))
            copy = [PYTHON, "-c", COPY]
            floor, _ = throughput(copy, home, data)
            twice, _ = throughput(["/bin/sh", "-c", '"$0" -c "$1" | "$0" -c "$1"', PYTHON, COPY], home, data)
            speed, memory = throughput(bridged(copy), home, data)
            told = f"{speed:.0f} MB/s each way, floor {floor:.0f} (copied twice: {twice:.0f}), peak {memory >> 20} MiB"
            print(f"messages of {len(row)} bytes: {told}")
        done, wrong, seconds = sessions(home, options.sessions)
        print(f"{done} sessions of {FRAMES} concurrent frames: {wrong} lost, doubled or out of order, {seconds:.0f} s")


if __name__ == "__main__":
    main()
