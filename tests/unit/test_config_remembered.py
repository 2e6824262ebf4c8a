"""A checked playbook is kept, and used as long as nothing that it depends on is another."""

from __future__ import annotations

import inspect
import json
import os
from pathlib import Path
from typing import Any

import pytest

from watchdog.config import checking, playbooks, remembered
from watchdog.config.remembered import Remembered
from watchdog.library import shelf
from watchdog.model import playbook as model
from watchdog.model.errors import BadConfig

TEXT = """
service: shop
find: {port: 8000}
start: {command: [python, app.py], listen: ["127.0.0.1:8000"], limits: {memory: 1 GB}}
probes:
  health: {http: /health, every: 10s, fails: 3 of 5}
  grown: {memory: 80%, for: 1m}
checks:
  disk: {disk: /, free: 10%}
triggers:
  - {on: health, run: [frozen-server, mine]}
  - {every: 1h, run: nightly-check}
policy: {mode: act, quiet: [{cron: "0 3 * * *", for: 1h}]}
notify: [{to: ["mailto://ops.example.org"], severity: critical, hours: "mon-fri 09:00-17:00"}]
sidecar: {replay: [initialize]}
"""


class Home:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.checked = folder, 0
        for name in ("playbooks", "runbooks", "logs"):
            (folder / name).mkdir(mode=0o700)
        (folder / "runbooks" / "mine.md").write_text("# Mine\n\n```wd\nwait 1s\n```\n")
        self.path = folder / "playbooks" / "shop.yml"
        self.path.write_text(TEXT)
        check = checking.check

        def counted(*given: Any) -> Any:
            self.checked += 1
            return check(*given)

        monkeypatch.setattr(checking, "check", counted)

    @property
    def kept(self) -> Path:
        return self.folder / "logs" / remembered.FOLDER / "shop.yml.json"


@pytest.fixture
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(folder, monkeypatch)


def test_the_second_look_gives_the_same_record_and_checks_nothing(home: Home) -> None:
    first = playbooks.load(home.path, home.folder)
    assert home.checked == 1
    assert playbooks.load(home.path) == first
    assert playbooks.service(home.folder, "shop") == first
    assert playbooks.sound(home.folder) == ((first,), ())
    assert playbooks.names(home.folder) == ("shop",)
    assert home.checked == 1


@pytest.mark.posix("rights are those of POSIX")
def test_what_is_kept_is_for_the_owner_alone(home: Home) -> None:
    playbooks.load(home.path)
    assert home.kept.stat().st_mode & 0o077 == 0
    assert home.kept.parent.stat().st_mode & 0o077 == 0


def test_another_content_is_checked_even_if_the_file_has_the_same_time(home: Home) -> None:
    playbooks.load(home.path)
    facts = home.path.stat()
    home.path.write_text(TEXT.replace("8000", "8001"))
    os.utime(home.path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert playbooks.load(home.path).find.port == 8001


def test_a_runbook_that_is_gone_is_a_mistake_also_of_a_playbook_that_was_right(home: Home) -> None:
    playbooks.load(home.path)
    (home.folder / "runbooks" / "mine.md").unlink()
    with pytest.raises(BadConfig):
        playbooks.load(home.path)


def test_a_file_with_mistakes_is_checked_each_time(home: Home) -> None:
    home.path.write_text(TEXT.replace("every: 10s", "every: often"))
    for _ in range(2):
        with pytest.raises(BadConfig) as found:
            playbooks.load(home.path)
        assert "every" in found.value.mistakes[0]
    assert home.checked == 2


def _of_another(kept: list[str]) -> list[str]:
    return [kept[0], kept[1].replace("8000", "9000")]


def _wrong_shape(kept: list[str]) -> list[str]:
    return [kept[0]]


@pytest.mark.parametrize("change", [_of_another, _wrong_shape])
def test_what_was_kept_and_changed_since_is_not_believed(home: Home, change: Any) -> None:
    first = playbooks.load(home.path)
    home.kept.write_text(json.dumps(change(json.loads(home.kept.read_text()))))
    assert playbooks.load(home.path) == first
    assert home.checked == 2


@pytest.mark.parametrize("content", ["", "[", "null", "[1, 2]"])
def test_what_was_kept_and_is_damaged_is_made_again(home: Home, content: str) -> None:
    first = playbooks.load(home.path)
    home.kept.write_text(content)
    assert playbooks.load(home.path) == first
    assert playbooks.load(home.path) == first
    assert home.checked == 2


def test_another_wd_checks_it_itself(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    playbooks.load(home.path)
    monkeypatch.setattr(remembered, "_code", lambda: b"another")
    playbooks.load(home.path)
    assert home.checked == 2


def test_a_file_of_the_same_name_in_another_home_is_not_taken_for_it(home: Home) -> None:
    found = playbooks.load(home.path)
    content = home.path.read_bytes()
    assert Remembered(home.folder).get(home.path, content) == found
    assert Remembered(home.folder).get(home.folder / "elsewhere" / "shop.yml", content) is None


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("limits:", "env: {DB_PASSWORD: tiger9x}, limits:"),
        ("mailto://ops.example.org", "https://hooks.example.org/?token=abcdefghijk0123456789"),
    ],
)
def test_a_secret_is_not_written_a_second_time(home: Home, before: str, after: str) -> None:
    home.path.write_text(TEXT.replace(before, after))
    playbooks.load(home.path)
    assert not home.kept.exists()


@pytest.mark.posix("rights are those of POSIX")
def test_a_state_folder_that_others_may_change_is_not_used(home: Home) -> None:
    (home.folder / "logs").chmod(0o777)
    try:
        playbooks.load(home.path)
        assert not home.kept.exists()
    finally:
        (home.folder / "logs").chmod(0o700)


def test_every_shipped_playbook_can_be_kept(home: Home) -> None:
    for name, file in shelf.shipped("playbooks").items():
        path = home.folder / "playbooks" / f"{name}.yml"
        path.write_bytes(file.read_bytes())
        first = playbooks.load(path)
        before = home.checked
        assert playbooks.load(path) == first
        assert home.checked == before, name


def test_every_record_of_a_playbook_is_known() -> None:
    records = {name for name, one in inspect.getmembers(model, inspect.isclass) if one.__module__ == model.__name__}
    assert records <= remembered._RECORDS.keys()
