"""The source of a program is read also where it lies in an archive, and a bad archive costs nothing."""

from __future__ import annotations

import os
import time
import zipfile
from pathlib import Path

import pytest

from watchdog.system.disk.parts import LARGEST_SOURCE
from watchdog.system.disk.sources import StartedSources, read_sources
from watchdog.system.process import rights


def _archive(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in members.items():
            made.writestr(name, text)
    return path


def _text(path: str) -> str | None:
    return StartedSources(os.getpid(), time.time()).text(path)


@pytest.mark.parametrize("name", ["shop.pyz", "shop"])
def test_a_module_of_a_zipapp_is_read_out_of_its_archive(tmp_path: Path, name: str) -> None:
    made = _archive(tmp_path / name, {"__main__.py": "one", "shop/cart/add.py": "two"})
    assert [_text(f"{made}/{member}") for member in ("__main__.py", "shop/cart/add.py")] == ["one", "two"]


def test_a_zipapp_with_a_shebang_is_read_too(tmp_path: Path) -> None:
    made = _archive(tmp_path / "plain", {"__main__.py": "one"})
    with_shebang = tmp_path / "shop"
    with_shebang.write_bytes(b"#!/usr/bin/env python3\n" + made.read_bytes())
    assert _text(f"{with_shebang}/__main__.py") == "one"


def test_what_is_not_in_the_archive_or_below_a_file_that_is_none_has_no_source(tmp_path: Path) -> None:
    made = _archive(tmp_path / "shop.pyz", {"__main__.py": "one"})
    (tmp_path / "text").write_text("not an archive")
    (tmp_path / "torn").write_bytes(made.read_bytes()[:-8])
    for path in (made / "other.py", tmp_path / "text" / "__main__.py", tmp_path / "torn" / "__main__.py"):
        assert _text(str(path)) is None


def test_a_member_that_unpacks_to_more_than_a_source_is_left_out(tmp_path: Path) -> None:
    made = _archive(tmp_path / "shop.pyz", {"__main__.py": "x" * (50 * LARGEST_SOURCE)})
    assert made.stat().st_size < LARGEST_SOURCE
    assert _text(f"{made}/__main__.py") is None


def test_an_archive_with_a_crowd_of_members_is_left_out(tmp_path: Path) -> None:
    made = _archive(tmp_path / "shop.pyz", {"__main__.py": "one", **{f"m{one}": "" for one in range(20_001)}})
    assert _text(f"{made}/__main__.py") is None


def test_of_a_crowd_of_archives_only_a_few_are_read(tmp_path: Path) -> None:
    made = [_archive(tmp_path / f"{number}.pyz", {"__main__.py": "one"}) for number in range(12)]
    found = read_sources(rights.of(os.getpid()), [f"{one}/__main__.py" for one in made])
    assert sum(part.error is None for part in found.values()) == 4
