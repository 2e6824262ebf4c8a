"""`wd init`, `wd validate`, `wd runbooks` and `wd schema`: a home is made, found good, and its mistakes are told."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from watchdog.commands import catalogue, init, schema, validate
from watchdog.config.home import look_for_home
from watchdog.model.errors import BadConfig, Refused
from watchdog.model.exits import Exit
from watchdog.model.selector import Selector
from watchdog.steps.spec import Context, StepResult


def context(home: Path | None) -> Context:
    nowhere = Path("/nonexistent")
    return Context(Selector(), lambda line: None, lambda question: False, nowhere, nowhere, home=home)


def make(folder: Path) -> Path:
    init.init(context(None), {"folder": str(folder / "home")})
    return folder / "home"


def validated(home: Path | None, *files: Path) -> StepResult:
    return validate.validate(context(home), {"file": tuple(map(str, files))})


@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_a_new_home_is_closed_to_others_found_and_valid(folder: Path) -> None:
    home = make(folder)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [home, *home.rglob("*")]}
    assert modes == {"home": 0o700, "playbooks": 0o700, "runbooks": 0o700, "logs": 0o700, "example.yml": 0o600}
    assert look_for_home(str(home)).home == home
    came_to = validated(home)
    assert (came_to.exit, came_to.message) == (Exit.FINE, "1 file: all fine")


@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_what_is_there_already_stays_as_it_is(folder: Path) -> None:
    home = make(folder)
    (home / "playbooks" / "example.yml").write_text("mine")
    (home / "logs").chmod(0o755)
    came_to = init.init(context(None), {"folder": str(home)})
    assert came_to.outcome == "nothing"
    assert (home / "playbooks" / "example.yml").read_text() == "mine"
    assert stat.S_IMODE((home / "logs").stat().st_mode) == 0o755


@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_a_project_becomes_a_home_without_a_change_to_what_it_has(folder: Path) -> None:
    (folder / "logs").mkdir(mode=0o755)
    init.init(context(None), {"folder": str(folder)})
    assert stat.S_IMODE((folder / "logs").stat().st_mode) == 0o755
    assert sorted(path.name for path in folder.iterdir()) == ["logs", "playbooks", "runbooks"]


def test_a_home_cannot_be_made_in_a_file(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(Refused, match="file is not a real folder"):
        init.init(context(None), {"folder": str(folder / "file" / "home")})


def test_every_mistake_of_every_file_is_told_with_exit_code_three(folder: Path) -> None:
    home = make(folder)
    (home / "playbooks" / "bad.yml").write_text("service: [\n")
    (home / "playbooks" / "worse.yml").write_text("find: {prot: 1}\nx: 1\n")
    (home / "runbooks" / "odd.md").write_text("```wd\nfrob\nkill --grase 1s\n```\n")
    (home / "runbooks" / "broken.md").write_text("```wd timeout=x\nwhy\n```\n")
    came_to = validated(home)
    assert came_to.exit == Exit.UNKNOWN
    assert came_to.data == {"files": 5, "mistakes": 7, "warnings": 0}
    for told in ("bad.yml:2:1", "find.prot", "service: this key is missing", "odd.md:2: 'frob'", "broken.md:1:1"):
        assert told in came_to.text


def test_two_playbooks_about_one_service_are_found_though_each_is_fine(folder: Path) -> None:
    home = make(folder)
    (home / "playbooks" / "two.yml").write_text("service: example\nfind: {port: 1}\n")
    assert "is about this service too" in validated(home).text


def test_single_files_can_be_named_without_a_home(folder: Path) -> None:
    path = folder / "shop.yml"
    path.write_text("service: shop\nfind: {port: 1}\n")
    assert validated(None, path).exit == Exit.FINE
    assert validated(None, path, folder / "missing.yml").exit == Exit.UNKNOWN


def test_without_a_home_and_a_file_there_is_nothing_to_validate() -> None:
    with pytest.raises(BadConfig, match="nothing to validate"):
        validated(None)


def test_the_list_says_where_each_runbook_comes_from(folder: Path) -> None:
    home = make(folder)
    (home / "runbooks" / "nightly-check.md").write_text("# Ours\n```wd\nwhy\n```\n")
    (home / "runbooks" / "broken.md").write_text("```wd timeout=x\nwhy\n```\n")
    rows = {str(row["name"]): row for row in catalogue.list_all(context(home), {}).rows}
    assert rows["nightly-check"]["from"] == "home"
    assert rows["frozen-server"]["from"] == "shipped"
    assert "grace=5s" in rows["frozen-server"]["parameters"]
    assert "cannot be used" in rows["broken"]["summary"]


def test_a_runbook_is_shown_as_it_is_written(folder: Path) -> None:
    shown = catalogue.show(context(None), {"runbook": "frozen-server"})
    assert shown.text.startswith("---\nsummary:")


def test_lint_tells_warnings_with_one_and_mistakes_with_three(folder: Path) -> None:
    home = make(folder)
    assert catalogue.lint(context(home), {"runbook": ()}).exit == Exit.FINE
    (home / "runbooks" / "weak.md").write_text("# Weak\n```wd\nkill\n```\n")
    assert catalogue.lint(context(home), {"runbook": ()}).exit == Exit.WARNING
    (home / "runbooks" / "wrong.md").write_text("# Wrong\n```wd\nfrob\n```\n")
    assert catalogue.lint(context(home), {"runbook": ()}).exit == Exit.UNKNOWN
    assert catalogue.lint(context(home), {"runbook": ("frozen-server",)}).exit == Exit.FINE


def test_the_schema_is_printed_as_json() -> None:
    assert json.loads(schema.schema(context(None), {}).text)["title"] == "wd playbook"
