"""What wd does between kill and start, to be cut off: cut_off.py FOLDER PORT [--wait] COMMAND…

Says "kill" before the first signal, "killed" after the proof, "started" at the end. With --wait it stays after the
kill, until it is ended.
"""

import sys
import time
from pathlib import Path

from watchdog.model.playbook import Playbook, ProbeSpec, Ready, Start
from watchdog.model.selector import Selector
from watchdog.steps.kill import kill
from watchdog.steps.spec import Context
from watchdog.steps.start import start

folder, port = Path(sys.argv[1]), int(sys.argv[2])
wait = "--wait" in sys.argv
command = tuple(word for word in sys.argv[3:] if word != "--wait")


def say(text):
    print("kill" if text.startswith("SIGTERM to") else f"# {text}", flush=True)


context = Context(
    selector=Selector(service="shop"),
    say=say,
    ask=lambda question: False,
    folder=folder / "incident",
    state=folder / "state",
    playbook=Playbook(
        "shop",
        Selector(port=port),
        start=Start(command=command, cwd=str(folder), ready=Ready(within=30.0)),
        probes=(ProbeSpec("health", "http", "/health"),),
    ),
    in_runbook=True,
    will_start=True,
)
found = kill(context, {"grace": 0.3, "no_evidence": True})
print("killed" if found.outcome == "ok" else f"# {found.message}", flush=True)
while wait:
    time.sleep(60)
context.will_start = False
found = start(context, {})
print("started" if found.outcome == "ok" else f"# {found.message}", flush=True)
