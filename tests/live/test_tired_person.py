"""What a tired person types, and what then happens: tired_person.txt is the script, read aloud it needs no explanation.

Each entry has the state of the machine before, the command, its exit code, every line that it prints (`|` on standard
output, `!` on standard error) and the state of the machine afterwards (`=`).
"""

from __future__ import annotations

import contextlib
import functools
import getpass
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from advised import follow
from homes import WD, Done, Shop, answering_pid, shop_in, surroundings
from strangers import NOBODY, RUNS_WD, open_folder
from support import alive, wait_for
from tired_states import NO_HOME, OTHER_USER, machine, repair

pytestmark = pytest.mark.live
_NO_BROWSER = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}
SCRIPT = Path(__file__).with_name("tired_person.txt")
# What other processes and the load of the machine add.
# An ordinary user may not read the kernel's log on most machines, root may.
_KERNEL_LOG = re.compile(r"^not seen\n  kernel log: no right to read it.*\n\n", re.MULTILINE)
_OF_THIS_MACHINE = re.compile("left out: |the evidence took longer than |it is back: ")


@dataclass(frozen=True)
class Entry:
    """One thing that a person types."""

    state: str
    title: str
    line: str
    shown: tuple[str, ...]


def entries() -> Iterator[Entry]:
    state, title, line, shown = "", "", "", list[str]()
    for text in [*SCRIPT.read_text(encoding="utf-8").splitlines(), "# end"]:
        if text.startswith(("# ", "== ")) and line:
            yield Entry(state, title, line, tuple(shown))
            line, shown = "", []
        if text.startswith("== "):
            state = text[3:]
        elif text.startswith("# "):
            title = text[2:]
        elif text.startswith("$ wd "):
            line = text[5:]
        elif text:
            shown.append(text)


def after(shop: Shop, before: int) -> str:
    """The state of the machine, in words."""
    if before and alive(before):
        return "= the same process runs on"
    if before and shop.copies():
        return "= a new process answers" if answering_pid(shop.port) else "= a new process does not answer"
    return "= no server runs" if not shop.copies() else "= a server was started"


def plain(text: str, shop: Shop, pid: int) -> str:
    """Without what differs from run to run."""
    for found, word in ((str(shop.folder), "HOME"), (sys.executable, "PYTHON"), (str(shop.port), "PORT")):
        text = text.replace(found, word)
    text = re.sub(rf"\buser {getpass.getuser()}\b", "user USER", text)
    text = re.sub(r"\d{4}-\d\d-\d\d-\d{6}-[a-z-]+-[0-9a-f]{6}", "ID", text)
    text = re.sub(rf"\b{pid}\b", "PID", text) if pid else text
    text = re.sub(r"(?<!-)\bpid \d+|(?<=kill -TERM )\d+", "pid PID", text).replace("-TERM pid PID", "-TERM PID")
    text = re.sub(r"[\d.]+ % of", "PERCENT of", text)
    text = re.sub(r"\(\d failures?[^)]*\)", "(COUNTED)", text)  # a second sign makes it fewer
    text = re.sub(", then watched for .*", "", re.sub(r"\d+ requests? in", "1 request in", text))
    text = re.sub(r"(the playbook says|not on|the start command, port) \d+", r"\1 OTHER", text)
    text = re.sub(r"next check (now|in \S+)", "next check SOON", text)
    text = re.sub(r"\b\d+ (question|look)s?\b", r"SOME \1s", text)
    text = re.sub(r"(?<=at most )\d+ (?=s …)", "SOME ", text)
    text = re.sub(r"^\|\s+(?:\d+|PID)\s+(main|orphan|child|worker|master) ", r"|     PID  \1 ", text)
    text = re.sub(r"spared: \d+ .*: is its parent", "spared: PID COMMAND: is its parent", text)
    if "write it like" in text:
        return text
    # A column is as wide as its longest value, which may be "9s" or "1m 02s".
    return re.sub(r"TIME {2,}", "TIME  ", re.sub(r"\b\d+(\.\d+)?(ms|s|m \d\ds)\b", "TIME", text))


@contextlib.contextmanager
def person(state: str, shop: Shop) -> Iterator[Callable[..., Done]]:
    """Who types: the owner of the home; somebody without one; a user who has no rights over the servers of root."""
    if state not in (OTHER_USER, NO_HOME):
        yield functools.partial(shop.wd, env=_NO_BROWSER)
        return
    with open_folder(NOBODY if state == OTHER_USER else os.geteuid()) as folder:
        user = ("--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
        before = ("setpriv", *user) if state == OTHER_USER else ()
        places = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"), str(folder))

        def type_it(*words: str) -> Done:
            done = subprocess.run(
                [*before, *WD, *words], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=100, env=surroundings(**places, **_NO_BROWSER), check=False,
            )  # fmt: skip
            return Done(done.returncode, done.stdout, done.stderr)

        yield type_it


def happened(entry: Entry, shop: Shop, *, advice: bool) -> list[str]:
    """What the command printed and left. With `advice` the person then does what it advised, and that works."""
    with machine(entry.state, shop) as pid, person(entry.state, shop) as wd:
        words = {"PORT": str(shop.port), "PID": str(pid), "HOME": str(shop.folder)}
        line = re.sub("PORT|PID|HOME", lambda found: words[found[0]], entry.line)
        done = wd(*line.split())
        shown = [f"| {one}".rstrip() for one in _KERNEL_LOG.sub("", done.out).splitlines()]
        shown += [f"! {one}".rstrip() for one in done.err.splitlines() if not _OF_THIS_MACHINE.match(one)]
        if "The loop starts" in done.out:
            wait_for(lambda: answering_pid(shop.port), "the loop has started it again", 60)
        came_to = [str(done.code), *(plain(one, shop, pid) for one in shown), after(shop, pid)]
        if advice:
            _do_as_advised(done, wd, shop)
            if "sudo wd …" in done.err + done.out:
                assert shop.wd(*line.split()).code == 0
        return came_to


def _do_as_advised(done: Done, wd: Callable[..., Done], shop: Shop) -> None:
    told = f"{done.out}\n{done.err}"
    if re.search("[cC]orrect|channel", told):
        repair(shop)
    follow(told, wd, shop.port)


def cases() -> Iterator[Any]:
    for entry in entries():
        marks = [pytest.mark.root, RUNS_WD] if entry.state == OTHER_USER else []
        yield pytest.param(entry, id=f"{entry.state}: {entry.title}", marks=marks)


@pytest.mark.parametrize("entry", list(cases()))
def test_what_a_tired_person_types_needs_no_explanation(entry: Entry) -> None:
    assert again(entry, advice=True) == list(entry.shown)


def again(entry: Entry, *, advice: bool = False) -> list[str]:
    """In a folder with a short name: a long one is cut off where a command is shown."""
    with tempfile.TemporaryDirectory(prefix="wd-tired-") as folder, shop_in(Path(folder)) as shop:
        return happened(entry, shop, advice=advice)


def test_the_script_has_forty_things() -> None:
    assert len(list(entries())) >= 40


def write(part: str = "") -> None:
    """Run every entry, or those with `part` in their state, and write what happened.

    `PYTHONPATH=tests:. python tests/live/test_tired_person.py [PART]`
    """
    from concurrent.futures import ThreadPoolExecutor

    several, lines, state = list(entries()), [], ""
    with ThreadPoolExecutor(4) as pool:
        shown_now = pool.map(lambda entry: again(entry) if part in entry.state else entry.shown, several)
        for entry, shown in zip(several, shown_now, strict=True):
            if entry.state != state:
                state = entry.state
                lines += [f"== {state}", ""]
            lines += [f"# {entry.title}", f"$ wd {entry.line}", *shown, ""]
    SCRIPT.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write(*sys.argv[1:])
