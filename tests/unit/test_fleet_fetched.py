"""What a host sends as its files: only what it announced is written, only inside the folder, only if it is whole."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import IO

from watchdog.fleet.one_run import _unpack
from watchdog.fleet.records import HostRun


def stream(*members: tuple[tarfile.TarInfo, bytes]) -> IO[bytes]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    file = io.BytesIO()
    file.write(json.dumps({"size": packed.tell()}).encode() + b"\n" + packed.getvalue() + b"\nwhat comes after it\n")
    return file


def plain(name: str, data: bytes) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    return member, data


def announced(name: str, data: bytes) -> dict[str, object]:
    return {"path": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "error": ""}


def test_announced_files_arrive_whole(folder: Path) -> None:
    run = HostRun("web1", files=(announced("evidence/stacks.json", b"{}"),))
    assert _unpack(stream(plain("evidence/stacks.json", b"{}")), run, folder / "web1") == ""
    assert (folder / "web1" / "evidence" / "stacks.json").read_bytes() == b"{}"


def test_a_file_that_differs_or_is_missing_leaves_nothing(folder: Path) -> None:
    run = HostRun("web1", files=(announced("a", b"one"), announced("b", b"two")))
    assert "not as the host had it: a, b" in _unpack(stream(plain("a", b"eno")), run, folder / "web1")
    assert list(folder.iterdir()) == []


def test_a_host_cannot_write_anywhere_else(folder: Path) -> None:
    link = tarfile.TarInfo("way")
    link.type, link.linkname = tarfile.SYMTYPE, "/"
    names = ("../out", "/tmp/out-of-a-host", "way/out", "not-announced")
    members = [(link, b""), *(plain(name, b"x") for name in names)]
    run = HostRun("web1", files=tuple(announced(name, b"x") for name in names[:2]))
    assert "not as the host had it" in _unpack(stream(*members), run, folder / "web1")
    assert list(folder.iterdir()) == []
    assert not (folder.parent / "out").exists()
    assert not Path("/tmp/out-of-a-host").exists()
