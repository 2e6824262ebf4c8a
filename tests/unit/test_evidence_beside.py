"""Packages that were installed beside the application are known by what their records name, on every system."""

from __future__ import annotations

import os
from pathlib import Path

from watchdog.evidence.beside import Beside
from watchdog.system import here
from watchdog.system.process import rights


def test_a_package_beside_the_application_is_known_from_the_folders_above_a_source(tmp_path: Path) -> None:
    installed = tmp_path / "lib" / "odd-1.0.dist-info"
    installed.mkdir(parents=True)
    (installed / "RECORD").write_text("odd/__init__.py,,\nodd_extra.py,,\nodd-1.0.dist-info/RECORD,,\n")
    beside = Beside()
    beside.meet(rights.of(os.getpid()), [here.slashes(str(tmp_path / "lib" / "shop" / "server.py"))])
    (found,) = beside.found
    assert found.folder == here.slashes(str(tmp_path / "lib"))
    assert found.names == {"odd", "odd_extra"}


def test_what_is_no_whole_path_has_no_folders_above(tmp_path: Path) -> None:
    beside = Beside()
    beside.meet(None, ["<frozen importlib._bootstrap>", "server.py", "/usr/lib/python3/dist-packages/yaml/a.py"])
    assert beside.found == ()
