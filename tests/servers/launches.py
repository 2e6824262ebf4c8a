"""A launcher of several ways: it runs what it was told, and another program after the first one has ended."""

import json
import os
import subprocess
import sys
from pathlib import Path

PORT, WAY = sys.argv[1:3]


def configured() -> str:
    if WAY.startswith("variable"):
        return os.environ["SHOP_SCRIPT"]
    if WAY.startswith("argument"):
        return sys.argv[3]
    settings = json.loads(Path("launch.json").read_text())
    return settings["script"] if "script" in settings else f"{settings['name']}_front.py"


def another() -> str:
    return sorted(str(path) for path in Path("releases").glob("*.py"))[0]


def start(script: str) -> int:
    return subprocess.call([sys.executable, script, PORT])


def any_script() -> None:
    script = configured()
    while True:
        subprocess.call([sys.executable, script, PORT])
        script = another()


def in_a_function() -> None:
    first = True
    while True:
        start(configured() if first else another())
        first = False


def fallback() -> None:
    script = configured()
    while True:
        subprocess.call([sys.executable, script, PORT])
        script = "spare.py"


def faithful() -> None:
    while True:
        subprocess.call([sys.executable, configured(), PORT])


def own_choice() -> None:
    command = [sys.executable, "spare.py", PORT]
    subprocess.call(command)


WAYS = {
    "settings": any_script,
    "variable": any_script,
    "argument": any_script,
    "function": in_a_function,
    "fallback": fallback,
    "faithful": faithful,
    "variable-faithful": faithful,
    "argument-faithful": faithful,
    "own-choice": own_choice,
}
WAYS[WAY]()
