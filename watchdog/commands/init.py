"""`wd init`: makes a home, with an example or with the playbook of a server that runs. What is there stays as it is."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from watchdog.commands.observed import observe
from watchdog.commands.playbook_text import playbook_text
from watchdog.config import playbooks
from watchdog.config.home import FOLDERS, why_untrusted
from watchdog.library import shelf
from watchdog.model.errors import BadConfig, NothingMatched, Refused, WrongUsage
from watchdog.model.exits import Exit
from watchdog.model.selector import Selector
from watchdog.policy import guards
from watchdog.steps.spec import Context, StepResult
from watchdog.system import here
from watchdog.system.disk.files import make_folder, write_atomic
from watchdog.targets import resolve, select
from watchdog.text.shown import joined

EXAMPLE = "chat-server"


def init(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Folders 0700, files 0600. BadConfig where nothing can be made."""
    if options.get("from"):
        return _from_server(context, options)
    home = _absolute(options["folder"] or ".")
    made = _make(home, example=True)
    if not made:
        return StepResult(
            "nothing", f"{home} is a home already; nothing was changed", {"home": str(home), "made": []}, exit=Exit.FINE
        )
    lines = [*_made(home, made), f"next: write down your service in playbooks/, then: {_check(home)}"]
    data = {"home": str(home), "made": [str(one) for one in made]}
    return StepResult("ok", f"made a home in {home}", data, text=joined(lines))


def _from_server(context: Context, options: Mapping[str, Any]) -> StepResult:
    """A playbook of a server that runs. What is there stays; a playbook that would not validate is not written."""
    selector = _selector(options["from"])
    trees = resolve.resolve(selector)
    if len(trees) != 1:
        what = f"{len(trees)} servers match {selector}" if trees else f"nothing matches {selector}"
        raise NothingMatched(
            what, guards.names(trees), "`wd ps` lists the servers of this machine: name one by its port"
        )
    home = _absolute(options["folder"]) if options["folder"] else context.home or _absolute(".")
    found = observe(trees[0], selector.port, options.get("name") or "")
    path = home / "playbooks" / f"{found.service}.yml"
    if path.exists() or found.service in playbooks.names(home):
        raise Refused(
            f"{home} has a playbook for {found.service} already",
            f"{path} is not overwritten",
            f"Give another name: `wd init --from {shlex.quote(options['from'])} --name NAME`",
        )
    text = playbook_text(found)
    document, checked = playbooks.check(text.encode("utf-8", "replace"), path, home)
    if checked is None:
        raise BadConfig(f"no playbook could be made for {selector}", mistakes=tuple(map(str, document.mistakes)))
    made = _make(home, example=False)
    write_atomic(path, text)
    lines = [*_made(home, [*made, path]), *(f"guessed {guess}" for guess in found.guesses)]
    lines.append(f"next: read {path}, then: {_check(home)}")
    data = {"home": str(home), "playbook": str(path), "service": found.service, "guesses": list(found.guesses)}
    return StepResult("ok", f"made {path}", data, text=joined(lines))


def _selector(text: str) -> Selector:
    """`:8000` is a port, `pid:4242` a pid, anything else words of a command line."""
    if text.startswith(":"):
        return Selector(port=select.port(text[1:]))
    if text.startswith("pid:"):
        return Selector(pid=select.pid(text[4:]))
    if text.isdecimal():
        raise WrongUsage(f"--from {text}: this number can be a port or a pid", todo=f"Write :{text} or pid:{text}.")
    try:
        return Selector(cmdline=tuple(here.split(text)))
    except ValueError as error:
        raise WrongUsage(f"--from {text!r}: {error}", todo="Close the quotation.") from None


def _check(home: Path) -> str:
    return f"`wd --home {shlex.quote(str(home))} validate --here`"


def _absolute(folder: str) -> Path:
    return Path(os.path.abspath(folder))  # noqa: PTH100  (links must stay visible)


def _made(home: Path, made: Sequence[Path]) -> list[str]:
    lines = [f"made {one}" for one in made]
    if problem := why_untrusted(home):
        lines.append(f"note: wd will not find it by itself, and root cannot use it: {problem}")
    return lines


def _make(home: Path, *, example: bool) -> list[Path]:
    """What was missing. A folder that is there keeps its mode: others may have good reason to look into it."""
    made = []
    try:
        for folder in (home, *(home / name for name in FOLDERS)):
            if not folder.is_dir():
                made.append(make_folder(folder))
        if example and home / "playbooks" in made:
            write_atomic(home / "playbooks" / "example.yml", _example())
            made.append(home / "playbooks" / "example.yml")
    except OSError as error:
        raise BadConfig(f"no home can be made in {home}", error.strerror or str(error)) from None
    return made


def _example() -> str:
    text = shelf.shipped("playbooks")[EXAMPLE].read_text(encoding="utf-8")
    return text.replace("\nservice: chat\n", "\nservice: example\n").replace("--service chat", "--service example")
