"""The playbooks of a home. A file that was checked once is not checked again while it is the same: `remembered.py`."""

from __future__ import annotations

from pathlib import Path

from watchdog.config import yaml
from watchdog.config.mistakes import bad_config, did_you_mean, listed, shown
from watchdog.config.remembered import Remembered
from watchdog.library import shelf
from watchdog.model.errors import BadConfig
from watchdog.model.playbook import Playbook
from watchdog.system.disk.trust import read_trusted


def load(path: Path, home: Path | None = None, *, keep: bool = True) -> Playbook:
    """One playbook. BadConfig holds every mistake. Relative paths are meant from the home (of which it is a part).
    Without `keep` nothing is written, as a dry run wants."""
    return _load(path, read_trusted(path), Remembered(home or _home_of(path), keep))


def _load(path: Path, content: bytes, remembered: Remembered) -> Playbook:
    if (known := remembered.get(path, content)) is not None:
        return known
    document, found = check(content, path, remembered.home)
    if found is None:
        count = len(document.mistakes)
        raise bad_config(f"{count} mistake{'s' if count > 1 else ''} in the playbook {path}", document.mistakes)
    remembered.keep(path, content, found)
    return found


def load_all(home: Path) -> tuple[Playbook, ...]:
    """Every playbook of a home, by service. BadConfig holds every mistake of every file."""
    found: list[Playbook] = []
    mistakes = []
    for path in files(home):
        try:
            document, one = check(read_trusted(path), path, home)
        except BadConfig as error:
            mistakes.append(yaml.unreadable(str(path), error))
            continue
        mistakes += document.mistakes
        if one is not None:
            other = next((earlier for earlier in found if earlier.service == one.service), None)
            if other is not None:
                document.mistake(("service",), f"{other.path} is about this service too", shown(one.service))
                mistakes.append(document.mistakes[-1])
            found.append(one)
    if mistakes:
        raise bad_config(f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''} in {home / 'playbooks'}", mistakes)
    return tuple(sorted(found, key=lambda one: one.service))


def sound(home: Path) -> tuple[tuple[Playbook, ...], tuple[Path, ...]]:
    """(the playbooks that have no mistakes, by service; the files that have some). For a look, not for acting."""
    found: list[Playbook] = []
    broken: list[Path] = []
    remembered = Remembered(home)
    for path in files(home):
        try:
            found.append(_load(path, read_trusted(path), remembered))
        except BadConfig:
            broken.append(path)
    return tuple(sorted(found, key=lambda one: one.service)), tuple(broken)


def service(home: Path | None, name: str, *, keep: bool = True) -> Playbook:
    """The playbook of one service. Mistakes in the playbooks of other services do not stand in its way."""
    if home is None:
        raise BadConfig(f"there is no playbook for the service {name!r}", "no home was found", "name one with --home")
    remembered = Remembered(home, keep)
    claimed = {path: _service_of(path, remembered) for path in files(home)}
    mine = [path for path, says in claimed.items() if says == name]
    if len(mine) > 1:
        raise BadConfig(f"{len(mine)} playbooks are about the service {name!r}", ", ".join(map(str, mine)))
    if mine:
        return _load(mine[0], read_trusted(mine[0]), remembered)
    known = sorted({says for says in claimed.values() if says})
    broken = [str(path) for path, says in claimed.items() if says is None]
    raise BadConfig(
        f"there is no playbook for the service {name!r}{did_you_mean(name, known)}",
        f"the services of {home} are: {listed(known)}" + (f"; not readable: {listed(broken)}" if broken else ""),
        "`wd validate` shows what is wrong." if broken else "Type one of these names. `wd status` shows them all.",
    )


def names(home: Path) -> tuple[str, ...]:
    """The services of a home, also those whose playbook has a mistake elsewhere."""
    remembered = Remembered(home)
    return tuple(sorted({found for path in files(home) if (found := _service_of(path, remembered))}))


def files(home: Path) -> tuple[Path, ...]:
    """The playbook files of a home."""
    return tuple(shelf.of_home("playbooks", home).values())


def check(content: bytes, path: Path, home: Path) -> tuple[yaml.Document, Playbook | None]:
    """What a file's bytes say: the document with its mistakes, and the record if there are none. Never raises."""
    from watchdog.config import checking  # here: the schema takes longer to build than most commands to run

    return checking.check(content, path, home)


def _home_of(path: Path) -> Path:
    folder = path.absolute().parent
    return folder.parent if folder.name == "playbooks" else folder


def _service_of(path: Path, remembered: Remembered) -> str | None:
    """Which service a file says it is about; None if it cannot be read so far."""
    try:
        content = read_trusted(path)
    except BadConfig:
        return None
    if (known := remembered.get(path, content)) is not None:
        return known.service
    document = yaml.read(content, str(path))
    says = document.data.get("service") if document.usable and isinstance(document.data, dict) else None
    return str(says) if isinstance(says, str) else None
