"""What a tired person types, and what then happens: tired_person.txt is the script, read aloud it needs no explanation.

Each entry has the state of the machine before, the command, its exit code, every line that it prints (`|` on standard
output, `!` on standard error) and the state of the machine afterwards (`=`).
"""

from __future__ import annotations

import contextlib
import getpass
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from homes import WD, Done, Shop, answering_pid, shop_in, surroundings
from strangers import NOBODY, open_folder
from support import SERVERS, alive, wait_for
from watching import calm

from watchdog.policy.lock_files import target_lock
from watchdog.watch.loop_state import QUESTION

pytestmark = pytest.mark.live
SCRIPT = Path(__file__).with_name("tired_person.txt")
OTHER_USER = "shop of root answers, and an ordinary user types"
LOOP = "triggers: [{{on: health, run: short}}, {{on: death, run: short}}]\npolicy: {{mode: {0}}}\n"

# What other processes and the load of the machine add.
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


@contextlib.contextmanager
def machine(state: str, shop: Shop) -> Iterator[int]:
    """The pid of the server that runs in that state; 0 for none."""
    with contextlib.ExitStack() as stack:
        if state == "a playbook is broken":
            path = shop.folder / "playbooks" / "blog.yml"
            path.write_text("service: blog\nfind: {prt: 1}\n", encoding="utf-8")
        if state == "another program is on the port of shop":
            script = shop.folder / "blog.py"
            script.write_bytes((SERVERS / "moody.py").read_bytes())
            yield stack.enter_context(shop.server(script=script)).pid
            return
        if state in ("shop answers", "shop hangs"):
            yield stack.enter_context(shop.server(hung=state == "shop hangs")).pid
            return
        if state == OTHER_USER:
            yield stack.enter_context(shop.server()).pid
            return
        if state == "somebody else restarts shop":
            server = stack.enter_context(shop.server())
            stack.enter_context(target_lock(f"port:{shop.port}", "restart on shop"))
            yield server.pid
            return
        if state.startswith("the loop "):
            shop.playbook(more=LOOP.format(state.split()[2]))
            server = stack.enter_context(shop.server())
            loop = shop.begin("watch", env=calm(shop.folder))
            stack.callback(loop.wait, 60)
            stack.callback(loop.terminate)
            wait_for(lambda: journalled(shop, "samples"), "the loop has asked shop once", 90)
            if state.endswith("shop hangs"):
                shop.hang()
                wait_for(lambda: journalled(shop, "question"), "the loop asks a person", 90)
            yield server.pid
            return
        yield 0


def journalled(shop: Shop, what: str) -> bool:
    """Whether the loop has written down an answer of shop, or a question to a person."""
    with shop.journal() as journal:
        return bool(journal.samples("shop") if what == "samples" else journal.kept("shop", QUESTION))


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
    text = re.sub(r"next check (now|in \S+)", "next check SOON", text)
    text = re.sub(r"^\|\s+(?:\d+|PID)\s+(main|orphan|child|worker|master) ", r"|     PID  \1 ", text)
    text = re.sub(r"spared: \d+ .*: is its parent", "spared: PID COMMAND: is its parent", text)
    return text if "write it like" in text else re.sub(r"\b\d+(\.\d+)?(ms|s|m \d\ds)\b", "TIME", text)


def as_an_ordinary_user(*words: str) -> Done:
    """One command without a home, typed by a user who has no rights over the servers of root."""
    with open_folder() as folder:
        drop = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
        done = subprocess.run(
            [*drop, *WD, *words], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100,
            env=surroundings(HOME=str(folder), XDG_STATE_HOME=str(folder), XDG_RUNTIME_DIR=str(folder)), check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)


def happened(entry: Entry, shop: Shop) -> list[str]:
    with machine(entry.state, shop) as pid:
        line = entry.line.replace("PORT", str(shop.port)).replace("PID", str(pid))
        done = (as_an_ordinary_user if entry.state == OTHER_USER else shop.wd)(*line.split())
        shown = [f"| {one}".rstrip() for one in done.out.splitlines()]
        shown += [f"! {one}".rstrip() for one in done.err.splitlines() if not _OF_THIS_MACHINE.match(one)]
        if "The loop starts" in done.out:
            wait_for(lambda: answering_pid(shop.port), "the loop has started it again", 60)
        return [str(done.code), *(plain(one, shop, pid) for one in shown), after(shop, pid)]


def cases() -> Iterator[Any]:
    for entry in entries():
        marks = [pytest.mark.root] if entry.state == OTHER_USER else []
        yield pytest.param(entry, id=f"{entry.state}: {entry.title}", marks=marks)


@pytest.mark.parametrize("entry", list(cases()))
def test_what_a_tired_person_types_needs_no_explanation(entry: Entry) -> None:
    assert again(entry) == list(entry.shown)


def again(entry: Entry) -> list[str]:
    """In a folder with a short name: a long one is cut off where a command is shown."""
    with tempfile.TemporaryDirectory(prefix="wd-tired-") as folder, shop_in(Path(folder)) as shop:
        return happened(entry, shop)


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
