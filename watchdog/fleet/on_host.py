"""`wd fleet host`: the host's side of a run. It reads one order from standard input and answers the controller."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from watchdog.fleet.came_to import came_to
from watchdog.fleet.keeper import BEGUN, ENDED, LOCK, OUTPUT, WANTED, sha256
from watchdog.model.errors import Failed, Refused, WrongUsage
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.system.child import detached, interpreter
from watchdog.system.disk import files, flock
from watchdog.system.disk.files import make_folder, write_atomic

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BEGIN = 30.0  # seconds until a keeper has taken its lock
_BEAT = 2.0  # seconds between two lines, so that the controller sees a link that is dead
_LOOK = 0.1
_TAIL = 2000  # bytes of the output in which the present step stands
_PIECE = 1 << 20
_ARCHIVE = "evidence.tar.gz"
_OLD = 86400.0  # seconds: an archive that somebody wanted to fetch was fetched by then


def host(context: Context, options: Mapping[str, Any]) -> StepResult:
    """`follow` begins a run once and follows it to its end; `fetch` sends its files, `pack` keeps them as one here."""
    order = json.loads(sys.stdin.buffer.readline() or b"{}")
    if not ID.fullmatch(str(order.get("id") or "")):
        raise WrongUsage("the order has no valid id", "`wd fleet run` sends it; people do not call this command.")
    folder = make_folder(context.state / "fleet") / order["id"]
    if options["verb"] == "clean":
        _clean(folder.parent)
    elif options["verb"] == "fetch":
        _fetch(folder)
    elif options["verb"] == "pack":
        _pack(folder)
    else:
        _follow(folder, order)
    return StepResult("ok", "")


def _say(**facts: Any) -> None:
    os.write(1, json.dumps(facts).encode() + b"\n")


def _follow(folder: Path, order: Mapping[str, Any]) -> None:
    known = (folder / BEGUN).exists()
    if order["begin"] and not known:
        _begin(folder, order)
    if not (folder / BEGUN).exists():
        _say(state="none")
        return
    _check_same(folder, order)
    said, step = clock.monotonic(), ""
    _say(state="running")
    while True:
        kept = _is_kept(folder)  # asked first: what ends in between has its result already
        if (folder / ENDED).exists():
            ended = json.loads((folder / ENDED).read_bytes())
            _say(state="ended", known=known, **ended, **came_to(ended))
            return
        if not kept:
            _say(state="lost", known=known)
            return
        latest = _step(folder) or step
        if latest != step or clock.monotonic() - said > _BEAT:
            said, step = clock.monotonic(), latest
            _say(state="running", step=step)
        clock.sleep(_LOOK)


def _check_same(folder: Path, order: Mapping[str, Any]) -> None:
    """Refused if the id is that of a run with other words: its result is no answer to this order."""
    before = json.loads((folder / WANTED).read_bytes())["words"]
    if before != order["words"]:
        raise Refused(f"the id {folder.name} is that of another run: wd {' '.join(before)}", todo="Choose another id.")


def _begin(folder: Path, order: Mapping[str, Any]) -> None:
    """Start a keeper. Two links at a time, or a link that broke in here, start one run all the same."""
    make_folder(folder)
    try:
        with flock.held(folder / "begin", wait=_BEGIN):
            if (folder / BEGUN).exists():
                return
            write_atomic(folder / WANTED, json.dumps({"words": order["words"], "deadline": order["deadline"]}))
            detached.begin(interpreter.command("watchdog.fleet.keeper:main", str(folder), light=False))
            if not clock.wait_until((folder / BEGUN).exists, _BEGIN):
                raise Failed(f"no process could keep the run within {_BEGIN:g} s", "The machine may be too busy.")
    except flock.Busy as error:
        raise Failed("another link is at the begin of this run, and does not come to an end") from error


def _clean(runs: Path) -> None:
    """Remove what runs have left here, but for those that go on."""
    going_on = []
    for folder in sorted(runs.iterdir()):
        if (folder / BEGUN).exists() and _is_kept(folder):
            going_on.append(folder.name)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    _say(going_on=going_on)


def _is_kept(folder: Path) -> bool:
    try:
        with flock.held(folder / LOCK):
            return False
    except flock.Busy:
        return True


def _step(folder: Path) -> str:
    """The last line of the run's output: the step that it is at. Empty where the result, a longer line, hides it."""
    text, size, _error = files.tail(folder / OUTPUT, _TAIL)
    whole = text.splitlines()[1 if size > _TAIL else 0 :]
    lines = [line.strip() for line in whole if line.strip() and not line.startswith("{")]
    return lines[-1] if lines else ""


def _fetch(folder: Path) -> None:
    """One line with the size, then the files as one archive."""
    with tempfile.TemporaryFile() as file:
        _archive(folder, file)
        _say(size=file.tell())
        file.seek(0)
        while piece := file.read(_PIECE):
            view = memoryview(piece)
            while view:
                view = view[os.write(1, view) :]


def _pack(folder: Path) -> None:
    """The archive as a file of the run's folder, for programs that fetch files by themselves."""
    for old in folder.parent.glob(f"*/{_ARCHIVE}"):
        if clock.now() - old.stat().st_mtime > _OLD:
            old.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".packing-") as scrap:
        whole = Path(scrap) / _ARCHIVE
        with whole.open("xb") as file:
            _archive(folder, file)
        whole.replace(folder / _ARCHIVE)
    path = folder / _ARCHIVE
    _say(archive=str(path), bytes=path.stat().st_size, sha256=sha256(path))


def _archive(folder: Path, file: IO[bytes]) -> None:
    ended = json.loads((folder / ENDED).read_bytes())
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
        for one in ended["files"]:
            if not one["error"]:
                archive.add(one["at"], one["path"], recursive=False)
