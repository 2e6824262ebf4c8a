"""The states of a machine in which a tired person types: what runs, who watches it, what is wrong."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator

from homes import Shop
from support import SERVERS, free_port, wait_for
from watching import calm

from watchdog.model.incident import Trigger
from watchdog.policy.lock_files import target_lock
from watchdog.watch.loop_state import GAVE_UP, QUESTION

OTHER_USER = "shop of root answers, and an ordinary user types"
NO_HOME = "there is no home"
_LOOP = "triggers: [{{on: health, run: short}}, {{on: death, run: short}}]\npolicy: {{mode: {0}}}\n"
_UNFIT = "logs: [/nowhere/shop.log]\nchecks: {data: {pidfile: HOME}}\nnotify: ['nosuch://somebody']\n"


@contextlib.contextmanager
def machine(state: str, shop: Shop) -> Iterator[int]:
    """The pid of the server that runs in that state; 0 for none."""
    with contextlib.ExitStack() as stack:
        if state.startswith("the loop "):
            yield _watched(state, shop, stack)
        else:
            yield _STATES[state](shop, stack)


def repair(shop: Shop) -> None:
    """What a person corrects before the next command, as advised: the playbooks, the program, the addresses."""
    for name in ("blog", "news"):
        (shop.folder / "playbooks" / f"{name}.yml").unlink(missing_ok=True)
    shop.script.write_bytes((SERVERS / "moody.py").read_bytes())
    shop.playbook(more="notify: ['json://127.0.0.1:1/']\n")


def _nothing(shop: Shop, stack: contextlib.ExitStack) -> int:
    return 0


def _broken_playbook(shop: Shop, stack: contextlib.ExitStack) -> int:
    path = shop.folder / "playbooks" / "blog.yml"
    path.write_text("service: blog\nfind: {prt: 1}\n", encoding="utf-8")
    path.with_name("news.yml").write_text("service: [news\n", encoding="utf-8")
    return 0


def _no_playbook(shop: Shop, stack: contextlib.ExitStack) -> int:
    (shop.folder / "playbooks" / "shop.yml").unlink()
    return _answers(shop, stack)


def _no_program(shop: Shop, stack: contextlib.ExitStack) -> int:
    shop.script.unlink()
    path = shop.folder / "playbooks" / "shop.yml"
    path.write_text(path.read_text().replace(sys.executable, "/nowhere/python"))
    return 0


def _given_up(shop: Shop, stack: contextlib.ExitStack) -> int:
    with shop.journal() as journal:
        journal.keep("shop", GAVE_UP, "4 restarts within 30m did not last")
        journal.close(journal.open_incident("shop", "short", Trigger("probe", by="wd watch")).id, "failed")
    return 0


def _answers(shop: Shop, stack: contextlib.ExitStack) -> int:
    return stack.enter_context(shop.server()).pid


def _hangs(shop: Shop, stack: contextlib.ExitStack) -> int:
    return stack.enter_context(shop.server(hung=True)).pid


def _does_not_fit(shop: Shop, stack: contextlib.ExitStack) -> int:
    shop.playbook(more=_UNFIT.replace("HOME", str(shop.folder)))
    path = shop.folder / "playbooks" / "shop.yml"
    path.write_text(path.read_text().replace("http: /health", "http: /health, status: [204]"))
    return _answers(shop, stack)


def _another_program(shop: Shop, stack: contextlib.ExitStack) -> int:
    script = shop.folder / "blog.py"
    script.write_bytes((SERVERS / "moody.py").read_bytes())
    return stack.enter_context(shop.server(script=script)).pid


def _another_port(shop: Shop, stack: contextlib.ExitStack) -> int:
    """The playbook says one port, its command another; it was started once already."""
    shop.playbook(ready="5s")
    path = shop.folder / "playbooks" / "shop.yml"
    path.write_text(path.read_text().replace(f"port: {shop.port}", f"port: {free_port()}", 1))
    shop.wd("start", "shop")
    (pid,) = shop.copies()
    return pid


def _somebody_at_it(shop: Shop, stack: contextlib.ExitStack) -> int:
    pid = _answers(shop, stack)
    stack.enter_context(target_lock(f"port:{shop.port}", "restart on shop"))
    return pid


def _watched(state: str, shop: Shop, stack: contextlib.ExitStack) -> int:
    """A loop in the mode of the third word; where shop hangs, it has asked a person."""
    shop.playbook(more=_LOOP.format(state.split()[2]))
    pid = _answers(shop, stack)
    loop = shop.begin("watch", env=calm(shop.folder))
    stack.callback(loop.wait, 60)
    stack.callback(loop.terminate)
    wait_for(lambda: _written_down(shop, "samples"), "the loop has asked shop once", 90)
    if state.endswith("shop hangs"):
        shop.hang()
        wait_for(lambda: _written_down(shop, "question"), "the loop asks a person", 90)
    return pid


def _written_down(shop: Shop, what: str) -> bool:
    """Whether the loop has an answer of shop, or a question to a person."""
    with shop.journal() as journal:
        return bool(journal.samples("shop") if what == "samples" else journal.kept("shop", QUESTION))


_STATES: dict[str, Callable[[Shop, contextlib.ExitStack], int]] = {
    "nothing runs": _nothing,
    NO_HOME: _nothing,
    "the home has no playbook": _no_playbook,
    "a playbook is broken": _broken_playbook,
    "the program of shop is not there": _no_program,
    "wd gave up on shop": _given_up,
    "shop answers": _answers,
    "shop answers, and its playbook does not fit this machine": _does_not_fit,
    OTHER_USER: _answers,
    "another program is on the port of shop": _another_program,
    "shop runs on another port": _another_port,
    "shop hangs": _hangs,
    "somebody else restarts shop": _somebody_at_it,
}
