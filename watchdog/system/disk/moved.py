"""Source files of a running program whose folder was renamed, or replaced by another one, after its start."""

from __future__ import annotations

from collections.abc import Callable

from watchdog.system import here
from watchdog.system.disk import target_files
from watchdog.system.disk.parts import LARGEST_SOURCE, Part
from watchdog.system.process import processes, rights
from watchdog.system.process.rights import Rights

SLACK = 2.0  # seconds between a file's time stamp and the start of a process that may be measuring error
_DEEPEST = 8  # parts at the end of a path that may still be the same
_NAMES = 20_000  # bytes of the names in one folder
_BESIDE = 60  # folders beside one that is missing
_WITHIN = 0.5  # seconds
_DELETED = " (deleted)"  # what the kernel writes behind a folder that is gone

Fits = Callable[[str], bool]


class Moved:
    """Finds the files of one process. What one of them tells of its folder is remembered for the others."""

    def __init__(self, of: Rights | None, folder: str | None, started: float) -> None:
        self._of, self._started = of, started
        self._folder = None if folder is None or folder.endswith(_DELETED) else here.slashes(folder)
        self._known: dict[str, str] = {}  # folder -> where it is now

    def find(self, path: str, *, missing: bool, fits: Fits = bool) -> tuple[str, Part] | None:
        """Where the file is now, and its content as it was when the process started.

        The kernel follows the process's own folder when that is renamed. A folder beside a missing one is only taken
        if there is no other that could be meant.
        """
        path = here.slashes(path)
        found = self.known(path) or self._first(self._in_folder(path), fits)
        if found is None and missing:
            beside = target_files.present(self._of, self._beside(path))
            found = self._first(beside, fits) if len(beside) == 1 else None
        if found is not None:
            self._learn(path, found[0])
        return found

    def known(self, path: str) -> tuple[str, Part] | None:
        """The same, where another file of its folder was found already."""
        places = [new + path[len(old) :] for old, new in self._known.items() if path.startswith(old + "/")]
        return self._first(places, bool)

    def _first(self, places: list[str] | frozenset[str], fits: Fits) -> tuple[str, Part] | None:
        there = target_files.present(self._of, places) if places else frozenset()
        for place in places:
            if place not in there:
                continue
            part = target_files.read_file(self._of, place, LARGEST_SOURCE)
            as_then = part.error is None and part.modified is not None and part.modified <= self._started + SLACK
            if as_then and fits(part.data.decode("utf-8", "replace")):
                return place, part
        return None

    def _in_folder(self, path: str) -> list[str]:
        """The same end of a path below the folder of the process, the longest end first."""
        parts = path.split("/")
        ends = ["/".join(parts[-count:]) for count in range(min(_DEEPEST, len(parts) - 1), 0, -1)]
        places = [f"{self._folder.rstrip('/')}/{end}" for end in ends] if self._folder else []
        return [place for place in places if place != path]

    def _beside(self, path: str) -> list[str]:
        """The same file in each folder beside the missing one."""
        parts = path.split("/")
        above = [here.folder_of(parts[:count]) for count in range(len(parts) - 1, 0, -1)]
        there = target_files.present(self._of, above)
        nearest = next((place for place in range(len(above)) if above[place] in there), None)
        if not nearest:  # its own folder is there: the file alone is gone
            return []
        folder, missing, *rest = above[nearest], *parts[len(parts) - nearest - 1 :]
        names = target_files.read_folders(self._of, [folder], _NAMES).get(folder, ())
        alike = [name for name in names if name.startswith(missing) or missing.startswith(name)]
        return ["/".join((folder.rstrip("/"), name, *rest)) for name in (alike or names)[:_BESIDE]]

    def _learn(self, path: str, now: str) -> None:
        old, new = path.split("/"), now.split("/")
        while old and new and old[-1] == new[-1]:
            old.pop()
            new.pop()
        if old and new:
            self._known["/".join(old)] = "/".join(new)


def of_process(pid: int, started: float) -> Moved:
    """For a process that nobody has looked at yet."""
    process = processes.read(pid)
    known = processes.with_commands([process], _WITHIN) if process is not None else {}
    return Moved(rights.of(pid), known[pid].cwd if pid in known else None, started)


def may_be_moved(path: str) -> bool:
    """Whether a file of this name can be looked for: it is whole, and not made up."""
    return here.is_absolute(path) and "\0" not in path and not path.startswith("<")
