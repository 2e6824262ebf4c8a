"""Copies of wd for hosts that have none: one file each, by its hash, made from wd's own installation."""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata as metadata
import re
import sys
import sysconfig
import tarfile
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from watchdog.fleet.keeper import sha256
from watchdog.model.release import VERSION
from watchdog.system.child import commands
from watchdog.system.disk.files import make_folder, write_atomic
from watchdog.system.host import arrival

_OURS = Path(__file__).resolve().parents[1]  # the package
_NAME = re.compile(r"[A-Za-z0-9._-]+")
_TAG = re.compile(r"3\.(\d+) linux-(\w+)")
_PROGRAM = "py-spy"  # the one script that wd calls
_FETCH = 300.0  # seconds for the packages of another Python
_GLIBC = ("manylinux2014", "manylinux_2_17", "manylinux_2_28")
_LEVEL = 6


class Parcels:
    """The files that were made, for this wd as it is now. Several threads may ask."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()
        self._made: dict[str, tuple[Path, str] | str] = {}
        self._own_tag = f"{sys.version_info[0]}.{sys.version_info[1]} {sysconfig.get_platform()}"
        self._key = ""

    def known(self) -> dict[str, str]:
        """The hash of each that is there already, by what it is made for."""
        with self._one_at_a_time:
            folder, key = _folder(), self._state()
            found = {}
            for mark in folder.glob(f"*-{key}") if folder.is_dir() else ():
                hashed = mark.read_text().strip()
                if (folder / hashed).is_file():
                    found[mark.name.removesuffix(f"-{key}").replace("_", " ", 1)] = hashed
            return found

    def made_for(self, tag: str) -> tuple[Path, str] | str:
        """(file, hash), or why there can be none."""
        before = self.known().get(tag)
        if before:
            return _folder() / before, before
        with self._one_at_a_time:
            if tag not in self._made:
                self._made[tag] = self._make(tag)
            return self._made[tag]

    def _state(self) -> str:
        """Changes with every package of wd and every file of its own."""
        if not self._key:
            facts = [VERSION, *(f"{name} {one.version}" for name, one in sorted(_packages().items()))]
            for name, path in _own_files():
                facts.append(f"{name} {path.stat().st_size} {path.stat().st_mtime_ns}")
            self._key = hashlib.sha256("\n".join(facts).encode()).hexdigest()[:20]
        return self._key

    def _make(self, tag: str) -> tuple[Path, str] | str:
        folder = make_folder(_folder())
        with tempfile.TemporaryDirectory(dir=folder, prefix=".making-") as scrap:
            files = dict(_installed_files()) if tag == self._own_tag else _fetched_files(tag, Path(scrap) / "packages")
            if isinstance(files, str):
                return files
            path = Path(scrap) / "parcel"
            _pack({**files, **dict(_own_files())}, path)
            hashed = sha256(path)
            path.replace(folder / hashed)
        write_atomic(folder / f"{tag.replace(' ', '_', 1)}-{self._state()}", hashed)
        return folder / hashed, hashed


def _folder() -> Path:
    return arrival.folder().parent / "parcels"


def _packages() -> dict[str, metadata.Distribution]:
    """All that wd needs, by name, without extras."""
    found: dict[str, metadata.Distribution] = {}
    waiting = ["wd-oncall"]
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            found[name] = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # wanted on another system only
            continue
        for line in found[name].requires or ():
            wanted = _NAME.match(line)
            if wanted and "extra ==" not in line:
                waiting.append(wanted[0])
    found.pop("wd-oncall", None)
    return found


def _own_files() -> Iterator[tuple[str, Path]]:
    """wd itself: its package, and the documents that it ships, which lie beside the package in a checkout."""
    for path in sorted(_OURS.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            yield f"watchdog/{path.relative_to(_OURS)}", path
    for kind in ("runbooks", "playbooks"):
        beside = _OURS.parent / kind
        if not (_OURS / "library" / kind).is_dir():
            for path in sorted(beside.iterdir()):
                yield f"watchdog/library/{kind}/{path.name}", path


def _installed_files() -> Iterator[tuple[str, Path]]:
    for one in _packages().values():
        for file in one.files or ():
            path = Path(str(one.locate_file(file)))
            if file.suffix == ".pyc" or not path.is_file():
                continue
            if ".." not in file.parts:
                yield str(file), path
            elif path.name == _PROGRAM:
                yield f"bin/{_PROGRAM}", path


def _fetched_files(tag: str, folder: Path) -> dict[str, Path] | str:
    """The same versions for another Python or processor, as pip finds them."""
    wanted = _TAG.fullmatch(tag)
    if not wanted:
        return f"no copy of wd can be made for Python {tag}: install wd there"
    minor, processor = wanted.groups()
    words = [sys.executable, "-I", "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
    words += ["--disable-pip-version-check", "--no-compile", "--target", str(folder)]
    words += ["--implementation", "cp", "--python-version", f"3.{minor}"]
    words += [word for abi in (f"cp3{minor}", "abi3", "none") for word in ("--abi", abi)]
    words += [word for glibc in _GLIBC for word in ("--platform", f"{glibc}_{processor}")]
    words += [f"{name}=={one.version}" for name, one in sorted(_packages().items())]
    done = commands.run(words, timeout=_FETCH, apart=True)
    if not done.ok:
        told = [line for line in done.errors.splitlines() if line.startswith("ERROR")]
        why = done.error or (told[0] if told else "no answer in time" if done.timed_out else done.errors[-200:].strip())
        return f"there is Python {tag} and no wd, and pip found no packages for it: {why}"
    inside = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): path for path in inside}


def _pack(files: Mapping[str, Path], target: Path) -> None:
    """The same files give the same bytes, so that the hash names them."""
    with (
        target.open("xb") as raw,
        gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0, compresslevel=_LEVEL) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, path in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size = path.stat().st_size
            entry.mode = 0o755 if name == f"bin/{_PROGRAM}" else 0o644
            with path.open("rb") as source:
                archive.addfile(entry, source)
