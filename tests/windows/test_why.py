"""`wd why` and `wd snapshot` on Windows: the right cause by stacks and CPU times, no alarm where nothing is wrong."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

from machine import PATIENT, Programs, answers, asked, programs, told, wait_for, wd

__all__ = ["programs"]  # fixtures

BUSY = """
def hang():
    total = 0
    while True: total += 1
serve(http.server.HTTPServer)
"""
ASLEEP = """
def hang():
    time.sleep(3600)  # as if for a model
serve(http.server.HTTPServer)
"""
DEADLOCK = """
stock, money = threading.Lock(), threading.Lock()
both = threading.Barrier(2)
def buy():
    with stock:
        both.wait()
        with money:
            return
def refund():
    with money:
        both.wait()
        with stock:
            return
threading.Thread(target=buy, name="buyer").start()
threading.Thread(target=refund, name="refunder").start()
Answer.do_GET = lambda self: buy()
serve()
"""
LOOP = """
import asyncio
async def handle(reader, writer):
    if b"/hang" in await reader.readline():
        load_table()
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok")
    await writer.drain()
    writer.close()
def load_table():
    time.sleep(3600)
async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""
FAULTS = ("BUSY-LOOP", "NOT-RUNNING", "LOCK-DEADLOCK", "POOL-EXHAUSTED", "EVENT-LOOP-BLOCKED", "GIL-HELD")


@pytest.mark.parametrize(
    ("work", "cause", "line"),
    [
        (BUSY, "BUSY-LOOP", "while True: total += 1"),
        (ASLEEP, "POOL-EXHAUSTED", "time.sleep(3600)  # as if for a model"),
        (DEADLOCK, "LOCK-DEADLOCK", "with money:"),
        (LOOP, "EVENT-LOOP-BLOCKED", "time.sleep(3600)"),
    ],
    ids=["busy", "asleep", "deadlock", "loop"],
)
def test_the_cause_and_the_guilty_line_are_named(programs: Programs, work: str, cause: str, line: str) -> None:
    _, port = programs.serve(work)
    with asked(port):
        wait_for(lambda: not answers(port), "it hangs")
        done = wd("why", f":{port}", *PATIENT)
    assert done.returncode == 2, told(done)
    assert f"\n{cause}: " in f"\n{done.stdout}", told(done)
    guilty = next((row for row in done.stdout.splitlines() if row.strip().startswith(">")), "")
    assert line in guilty, told(done)
    assert "SIG" not in done.stdout


@pytest.mark.parametrize("work", ["serve()\n", LOOP], ids=["threads", "loop"])
def test_a_healthy_server_raises_no_alarm(programs: Programs, work: str) -> None:
    _, port = programs.serve(work)
    done = wd("why", f":{port}")
    assert "HEALTHY" in done.stdout, told(done)
    assert not [fault for fault in FAULTS if fault in done.stdout], told(done)


def test_what_windows_does_not_tell_is_said_and_is_no_finding(programs: Programs) -> None:
    _, port = programs.serve(ASLEEP)
    with asked(port):
        done = wd("why", f":{port}", "-o", "json")
    result = json.loads(done.stdout.splitlines()[-1])
    text = json.dumps(result)
    assert "the memory of another process is read on Linux only" in text, told(done)
    assert "not-running" not in text


def test_a_snapshot_keeps_stacks_threads_the_machine_and_a_log_that_is_open(programs: Programs) -> None:
    log, tries = programs.folder / "shop.log", 4
    with log.open("w") as held:
        held.write("ERROR the table is locked\n")
        held.flush()
        _, port = programs.serve(ASLEEP)
        home = programs.folder / "home"
        (home / "logs").mkdir(parents=True)
        with asked(port):
            kept = snapshot(home, port, log)
            while "machine.json" not in kept and tries:
                kept, tries = snapshot(home, port, log), tries - 1
    assert "hang" in kept["stacks.json"]
    assert json.loads(kept["threads.json"])
    assert any("the table is locked" in text for name, text in kept.items() if name.startswith("shop"))
    machine = json.loads(kept["machine.json"])
    assert machine["disks"], machine
    assert len(machine["top_memory"]) >= 1, machine


def snapshot(home: Path, port: int, log: Path) -> dict[str, str]:
    """The files of a new one. It takes a second, so that on a busy machine something may be missing."""
    done = wd("--home", str(home), "snapshot", f":{port}", "--logs", str(log))
    assert done.returncode == 0, told(done)
    folder = max(home.rglob("manifest.json"), key=lambda path: path.stat().st_mtime).parent
    return {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()}
