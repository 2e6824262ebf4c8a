"""A new probe, check, cause or step is one file and one line: all else learns of it from what it says of itself.

The kinds here are made for the test and registered as their line in the registry would do it.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from watchdog.model.causes import Cause

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

ROOT = Path(__file__).parents[2]
PLAYBOOK = """
service: shop
find: {port: 8000}
probes:
  sky: {weather: storm, wind: 20s, fails: 2}
checks:
  ground: {ground: land.txt}
triggers:
  - {on: sky, run: frozen-server}
"""
PROGRAM = """
import json, sys
from pathlib import Path

from watchdog.checks.kind import CheckKind
from watchdog.checks.run import KINDS as CHECKS
from watchdog.model.kinds import Key
from watchdog.model.probing import CheckResult
from watchdog.probes.kind import ProbeKind
from watchdog.probes.registry import KINDS as PROBES


def probe(asked):
    return asked.answer("failed", f"{asked.spec.subject} for {asked.spec.setting('wind'):g} s")


def check(spec, playbook):
    return CheckResult(spec.name, "critical", f"{spec.subject} shakes", 0.0)


WEATHER = ProbeKind(Key("weather", "text", "what may come"), "Is it fine?", probe,
                    keys=(Key("wind", "duration", "how long it blows", low=1.0),), health=5)
GROUND = CheckKind(Key("ground", "file", "where it stands"), "Is it firm?", check)
PROBES["weather"], CHECKS["ground"] = WEATHER, GROUND

from watchdog.checks import run as checks
from watchdog.config.playbooks import load
from watchdog.config.schema import json_schema
from watchdog.policy.explain import explain
from watchdog.probes import registry, run as probes

home = Path(sys.argv[1])
shop = load(home / "playbooks" / "shop.yml", home)
sample = probes.probe(shop.probes[0], shop, at=1.0)
print(json.dumps({
    "probe": [sample.verdict, sample.message],
    "check": [checks.check(shop.checks[0], shop).state, checks.check(shop.checks[0], shop).message],
    "schema": "WeatherProbe" in json_schema()["$defs"] and "GroundCheck" in json_schema()["$defs"],
    "explain": explain(shop).detections[0].probe,
    "status": registry.best_for_health(shop.probes).name,
}))
"""

RULE = """
from watchdog.model.finding import Finding


def rule(view):
    yield Finding("cable-cut", "certain", "the cable is cut", view.culprit(None))
"""
CAUSE = """
import json, sys
from watchdog.model import causes

causes.CAUSES["cable-cut"] = causes.Cause("cable-cut", "fault", "nobody hears it", "silence", "a plug", "call-a-person")

from watchdog.diagnosis import rules

rules.__path__.append(sys.argv[1])

from watchdog.diagnosis.diagnose import diagnose
from watchdog.report.diagnosis_text import screen
from tests.unit.canned import Thread, evidence

seen = evidence(Thread("MainThread", ("work /srv/shop/server.py:3",), call="poll"), health="hung")
found = diagnose(seen)
print(json.dumps({
    "verdict": found.verdict, "advice": found.advice, "exit": found.exit, "text": screen(found, seen),
}))
"""
STEP = """
from watchdog.steps.spec import StepResult


def greet(context, options):
    context.say("on the way")
    return StepResult("ok", f"hello {options['name']}, {options['often']} times", {"name": options["name"]})
"""
RUNBOOK = """---
summary: Says hello.
---

# Greeting

```wd timeout=10s
greet shop --often 2
```
"""
SPEC = """
import json, sys

sys.path.insert(0, sys.argv[1])

from watchdog.steps import registry
from watchdog.steps.spec import Argument, Option, StepSpec

registry.SPECS["greet"] = StepSpec(
    "greet", "say hello", "greet:greet",
    (Option("--often", "integer", 1, "how often"),), (Argument("name", required=True),),
)

from watchdog.cli.main import call

sys.exit(call(sys.argv[2:]))
"""


def ran(program: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)


def test_a_new_kind_works_in_playbook_schema_loop_status_and_documents(folder: Path) -> None:
    (folder / "playbooks").mkdir(mode=0o700)
    (folder / "playbooks" / "shop.yml").write_text(PLAYBOOK, encoding="utf-8")
    done = ran(PROGRAM, str(folder))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["probe"] == ["failed", "storm for 20 s"]
    assert seen["check"] == ["critical", f"{folder / 'land.txt'} shakes"]
    assert seen["schema"] is True
    assert seen["explain"] == seen["status"] == "sky"


def test_its_row_stands_in_the_document() -> None:
    from watchdog.model.kinds import Key
    from watchdog.probes.kind import ProbeKind

    kind = ProbeKind(Key("weather", "text", "what may come"), "Is it fine?", lambda asked: asked.unknown("no"))
    table = runpy.run_path(str(ROOT / "docs" / "tables.py"))["probe_table"]
    assert "| `weather` | Is it fine? | what may come |" in table([kind])


def test_a_new_cause_works_in_verdict_advice_exit_code_text_and_document(folder: Path) -> None:
    (folder / "cable_cut.py").write_text(RULE, encoding="utf-8")
    done = ran(CAUSE, str(folder))
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["verdict"], seen["advice"], seen["exit"]) == ("cable-cut", "call-a-person", 2)
    assert "nobody hears it" in seen["text"] and "call a person" in seen["text"]
    cause = Cause("cable-cut", "fault", "nobody hears it", "silence", "a plug", "call-a-person")
    table = runpy.run_path(str(ROOT / "docs" / "tables.py"))["cause_table"]
    assert "| cable-cut | fault | silence | a plug | call-a-person |" in table([cause])


def test_a_new_step_works_in_shell_runbook_help_and_man_page(folder: Path) -> None:
    for name in ("playbooks", "runbooks", "logs"):
        (folder / name).mkdir(mode=0o700)
    (folder / "greet.py").write_text(STEP, encoding="utf-8")
    (folder / "runbooks" / "greeting.md").write_text(RUNBOOK, encoding="utf-8")
    home = ("--home", str(folder))
    shown = {
        name: ran(SPEC, str(folder), *words)
        for name, words in {
            "shell": (*home, "greet", "shop", "-o", "json"),
            "lint": (*home, "runbooks", "lint", "greeting"),
            "run": (*home, "run", "greeting", "-o", "json"),
            "all": ("--help",),
            "help": ("greet", "--help"),
            "man": ("man",),
        }.items()
    }
    assert {name: (one.returncode, one.stderr) for name, one in shown.items() if one.returncode} == {}
    assert json.loads(shown["shell"].stdout)["name"] == "shop"
    steps = json.loads(shown["run"].stdout.splitlines()[-1])["steps"]
    assert [(one["step"], one["message"]) for one in steps] == [("greet", "hello shop, 2 times")]
    assert "greet" in shown["all"].stdout and "--often" in shown["help"].stdout
    assert "wd greet NAME" in shown["help"].stdout and 'SS "wd greet"' in shown["man"].stdout
