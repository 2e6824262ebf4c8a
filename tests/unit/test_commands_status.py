"""`wd status` shows what it can: a playbook with a mistake is named and hides no other service."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchdog.cli.main import call
from watchdog.system import here


def test_a_broken_playbook_is_named_and_the_other_services_are_shown(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("playbooks", "runbooks", "logs"):
        (folder / name).mkdir(mode=0o700)
    (folder / "playbooks" / "shop.yml").write_text("service: shop\nfind: {port: 1}\n", encoding="utf-8")
    (folder / "playbooks" / "blog.yml").write_text("service: blog\nfind: {prot: 2}\n", encoding="utf-8")
    assert call(["--home", str(folder), "status"]) == 3
    shown = capsys.readouterr().out.splitlines()
    assert any("shop" in line and "unknown" in line for line in shown)
    (told,) = [line for line in shown if "blog.yml" in line]
    place = folder / "playbooks" / "blog.yml"
    words = told.rpartition("`wd ")[2].removesuffix("`")
    assert here.split(words) == ["--home", str(folder), "validate", str(place)]
    assert call(["--home", str(folder), "validate", str(place)]) == 3
