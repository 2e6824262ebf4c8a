"""A new kind of probe or check is one file and one line: all else learns of it from what the kind says of itself.

The kinds here are made for the test and registered as their line in the registry would do it.
"""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

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


def test_a_new_kind_works_in_playbook_schema_loop_status_and_documents(folder: Path) -> None:
    (folder / "playbooks").mkdir(mode=0o700)
    (folder / "playbooks" / "shop.yml").write_text(PLAYBOOK, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], capture_output=True, text=True, timeout=60, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["probe"] == ["failed", "storm for 20 s"]
    assert seen["check"] == ["critical", f"{folder}/land.txt shakes"]
    assert seen["schema"] is True
    assert seen["explain"] == seen["status"] == "sky"


def test_its_row_stands_in_the_document() -> None:
    from watchdog.model.kinds import Key
    from watchdog.probes.kind import ProbeKind

    kind = ProbeKind(Key("weather", "text", "what may come"), "Is it fine?", lambda asked: asked.unknown("no"))
    table = runpy.run_path(str(ROOT / "docs" / "tables.py"))["probe_table"]
    assert "| `weather` | Is it fine? | what may come |" in table([kind])
