"""Packages that were installed beside the application (`pip install --target`, a folder of vendored wheels).

Such a folder has a `*.dist-info` for each package, and the RECORD in it names the files that came with the package.
What no RECORD names is the application's own, also in the same folder.
"""

from __future__ import annotations

from collections.abc import Iterable

from watchdog.model.evidence import Installed
from watchdog.system import here
from watchdog.system.disk import target_files
from watchdog.system.process.rights import Rights

_LEVELS = 6  # folders above a source file that are looked into
_FOLDERS, _PACKAGES = 100, 300
_NAMES, _RECORD = 200_000, 300_000  # bytes of the names in a folder, of one RECORD


class Beside:
    """Looks into each folder once."""

    def __init__(self) -> None:
        self.found: tuple[Installed, ...] = ()
        self._seen: set[str] = set()

    def meet(self, rights: Rights | None, files: Iterable[str]) -> None:
        """Look for packages around these source files, with the rights of the process that runs them."""
        folders = dict.fromkeys(folder for file in files for folder in _above(file))
        new = [folder for folder in folders if folder not in self._seen][: _FOLDERS - len(self._seen)]
        if not new:
            return
        self._seen.update(new)
        for folder, names in target_files.read_folders(rights, new, _NAMES).items():
            packages = [name for name in names if name.endswith(".dist-info")]
            if packages:
                self.found = (*self.found, Installed(folder, _brought(rights, folder, packages)))


def _above(file: str) -> list[str]:
    """The folders above a file. What lies below `site-packages` is known as a library by its path."""
    if not here.is_absolute(file) or "-packages/" in file:
        return []
    parts = here.slashes(file).split("/")
    return [here.folder_of(parts[:count]) for count in range(len(parts) - 1, 1, -1)][:_LEVELS]


def _brought(rights: Rights | None, folder: str, packages: list[str]) -> frozenset[str]:
    """The top-level packages and modules that the packages brought."""
    paths = [f"{folder}/{name}/RECORD" for name in packages[:_PACKAGES]]
    found: set[str] = set()
    for part in target_files.read_files(rights, paths, _RECORD).values():
        lines = part.data.decode("utf-8", "replace").splitlines()
        firsts = {line.partition(",")[0].partition("/")[0] for line in lines}
        found.update(name.removesuffix(".py") for name in firsts)
    return frozenset(name for name in found if name.isidentifier())
