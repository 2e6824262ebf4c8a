"""A report is whole or absent, whenever wd is killed while it writes."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

ROUNDS = int(os.environ.get("WD_ROUNDS", "1"))
ROOT = Path(__file__).parents[2]
WRITER = """
import itertools, pathlib, sys
from watchdog.model.incident import Incident, StepRecord, Trigger
from watchdog.report import write
for number in itertools.count(1):
    said, typed = "x" * 500, "wd why --service shop"
    steps = tuple(StepRecord(n, "why", "why", "ok", float(n), 1.0, said, {"n": n}, typed) for n in range(1, 40))
    incident = Incident(f"2027-01-15-080000-shop-{number}", 1.0, "shop", "x", Trigger("person"), "done", steps=steps)
    write.write(incident, pathlib.Path(sys.argv[1]))
    if number == 1:
        print("first", flush=True)
"""


def test_kill_9_in_the_middle_leaves_no_half_report(folder: Path) -> None:
    dice = random.Random(2)
    for _ in range(12 * ROUNDS):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder / "run")],
            stdout=subprocess.PIPE,
            cwd=ROOT,
            start_new_session=True,
        )
        assert process.stdout is not None and process.stdout.readline() == b"first\n"
        time.sleep(dice.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert (folder / "run" / "report.md").read_text().rstrip().endswith("wd why --service shop")
        assert (folder / "run" / "report.html").read_text().rstrip().endswith("</html>")
        assert len(json.loads((folder / "run" / "report.json").read_text())["steps"]) == 39
