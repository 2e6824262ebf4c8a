"""Whose code a frame is: the application's own, a library's, or the interpreter's. Pure, by the path alone."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from watchdog.diagnosis.known_packages import USUAL
from watchdog.model.evidence import Frame, Installed

_LIBRARY = re.compile(r"/(site-packages|dist-packages|__pypackages__)/|\.egg/|\.(pex|shiv)/|/_MEI")
_STANDARD = re.compile(r"/lib(64)?/(python\d(\.\d+)?t?|pypy\d[\d.]*)(\.zip)?/(?!.*(site|dist)-packages)|^<frozen ")
# Where an interpreter is installed on a drive: its library is all in one folder, without a number in its name.
_ON_A_DRIVE = re.compile(r"^[A-Za-z]:/(?:.*/)?lib/(\w+)(?:\.py$|/)", re.IGNORECASE)
_ARCHIVE = re.compile(r"\.(?:pyz|pyzw|zip|par)/([A-Za-z_]\w*)")
_MADE_UP = re.compile(r"^<(?!stdin|string)")  # <frozen …>, <attrs generated init …>, <shim>


# Installed packages that are the application itself, where `packages.own` found any.
OWN: ContextVar[frozenset[str]] = ContextVar("own packages", default=frozenset())
# Folders with packages that were installed beside the application, as `pip install --target` does, and what is theirs.
BESIDE: ContextVar[tuple[Installed, ...]] = ContextVar("packages beside the application", default=())


def is_standard(frame: Frame) -> bool:
    """Of the interpreter's own library."""
    if _STANDARD.search(frame.file) or _on_a_drive(frame) in sys.stdlib_module_names:
        return not _LIBRARY.search(frame.file)
    return _frozen_package(frame) in sys.stdlib_module_names


def is_library(frame: Frame) -> bool:
    """Of an installed package."""
    if not _LIBRARY.search(frame.file) and not _beside(frame):
        return (_frozen_package(frame) or _zipped_package(frame)) in USUAL
    return not (OWN.get() and package(frame) in OWN.get())


def is_application(frame: Frame) -> bool:
    """Neither: what the people who run this server wrote."""
    if is_library(frame) or is_standard(frame) or _MADE_UP.search(frame.file):
        return False
    # Frameworks that compile code at run time give it any name.
    return "/" in frame.file or frame.file.endswith((".py", ">"))


def package(frame: Frame) -> str:
    """The top-level name of the installed package or standard module: "sqlalchemy", "socketserver", "asyncio"."""
    path = frame.file
    if name := _beside(frame):
        return name
    found = re.search(r"/(?:site|dist)-packages/([^/]+)", path)
    if not found and is_standard(frame):
        found = (
            re.search(r"(?:python[\d.]+t?|pypy[\d.]*)(?:\.zip)?/([^/]+)", path)
            or re.match(r"<frozen ([\w.]+)", path)
            or _ON_A_DRIVE.match(path)
            or re.match(r"([^/<]+)", path)
        )
    return found[1].removesuffix(".py") if found else ""


def place(frame: Frame) -> str:
    """ "server.py:withdraw": stable over restarts and over small changes of the file."""
    return f"{base(frame)}:{function(frame)}"


def base(frame: Frame) -> str:
    return frame.file.rpartition("/")[2]


def function(frame: Frame) -> str:
    return frame.function.rpartition(".")[2]


def short(frame: Frame) -> str:
    """ "withdraw (server.py:30)"."""
    return f"{function(frame)} ({base(frame)}:{frame.line})"


def innermost_application(frames: Iterable[Frame]) -> Frame | None:
    """Frames innermost first. Where the server itself is an installed package there is no such frame."""
    return next((frame for frame in frames if is_application(frame)), None)


def calls(frames: Sequence[Frame], *places: str) -> int | None:
    """Index of the innermost frame at one of the places ("threading.py:wait", "asyncio/*:select"), or None."""
    for index, frame in enumerate(frames):
        if at_place(frame, places):
            return index
    return None


def at_place(frame: Frame, places: Iterable[str]) -> bool:
    """A place is "FILE:FUNCTION"; FILE is the end of a path, "dir/" in front narrows it, FUNCTION may be "*"."""
    for one in places:
        file, _, name = one.rpartition(":")
        if name not in ("*", function(frame)):
            continue
        if frame.file == file or frame.file.endswith("/" + file):
            return True
        if file.endswith("/") and "/" + file in frame.file:
            return True
    return False


def _frozen_package(frame: Frame) -> str:
    """The top-level name in a program that was frozen into one file: it keeps relative paths, as `http/server.py`."""
    return "" if frame.file.startswith(("/", "<")) else frame.file.partition("/")[0].removesuffix(".py")


def _on_a_drive(frame: Frame) -> str:
    """The module or package of a library on a drive: "threading" of `C:/Python312/Lib/threading.py`."""
    found = _ON_A_DRIVE.match(frame.file)
    return found[1] if found else ""


def _zipped_package(frame: Frame) -> str:
    """The top-level name in a program that lies in one archive, with all that it needs."""
    found = _ARCHIVE.search(frame.file)
    return found[1] if found else ""


def _beside(frame: Frame) -> str:
    """The name of the package, where it was installed beside the application; else empty."""
    for one in BESIDE.get():
        if frame.file.startswith(one.folder + "/"):
            name = frame.file[len(one.folder) + 1 :].partition("/")[0].removesuffix(".py")
            if name in one.names:
                return name
    return ""


@contextmanager
def with_beside(installed: tuple[Installed, ...]) -> Iterator[None]:
    """Within it these packages count as libraries."""
    token = BESIDE.set(installed)
    try:
        yield
    finally:
        BESIDE.reset(token)
