"""Where wd looks for its home, and which homes it does not take."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchdog.config.home import look_for_home
from watchdog.model.errors import BadConfig


@pytest.fixture(autouse=True)
def nobodys_surroundings(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """No home of the person who runs the tests: neither in the variable, nor in the configuration, nor above."""
    monkeypatch.delenv("WD_HOME", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    monkeypatch.chdir(folder)


def make_home(at: Path) -> Path:
    for name in ("playbooks", "runbooks", "logs"):
        (at / name).mkdir(mode=0o700, parents=True)
    at.chmod(0o700)
    return at


def test_most_machines_have_none_and_that_is_fine() -> None:
    assert look_for_home(None).home is None


def test_it_is_found_above_the_current_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(folder / "shop")
    (home / "logs" / "deep" / "down").mkdir(parents=True)
    monkeypatch.chdir(home / "logs" / "deep" / "down")
    assert look_for_home(None).home == home


def test_the_nearest_one_counts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_home(folder / "outer")
    inner = make_home(folder / "outer" / "inner")
    monkeypatch.chdir(inner)
    assert look_for_home(None).home == inner


def test_a_folder_with_playbooks_of_another_tool_is_no_home(folder: Path) -> None:
    (folder / "playbooks").mkdir()
    (folder / "logs").mkdir()
    assert look_for_home(None).home is None


@pytest.mark.posix("XDG folders are those of POSIX")
def test_the_users_configuration_folder_comes_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usual = make_home(folder / "config" / "wd")
    (folder / "config").chmod(0o700)
    assert look_for_home(None).home == usual
    near = make_home(folder / "near")
    monkeypatch.chdir(near)
    assert look_for_home(None).home == near


def test_the_variable_comes_before_the_search_and_the_option_before_the_variable(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_home(folder / "here"))
    monkeypatch.setenv("WD_HOME", str(make_home(folder / "variable")))
    assert look_for_home(None).home == folder / "variable"
    assert look_for_home(str(make_home(folder / "named"))).home == folder / "named"


def test_an_empty_variable_is_no_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(folder / "here")
    monkeypatch.chdir(home)
    monkeypatch.setenv("WD_HOME", "")
    assert look_for_home(None).home == home


@pytest.mark.parametrize("name", ["missing", "empty", "file"])
def test_a_named_folder_that_is_none_is_told_with_the_way_to_make_one(folder: Path, name: str) -> None:
    (folder / "empty").mkdir()
    (folder / "file").write_text("")
    with pytest.raises(BadConfig) as caught:
        look_for_home(name)
    assert "wd init" in caught.value.todo


@pytest.mark.parametrize(
    ("part", "mode"),
    [(".", 0o777), ("playbooks", 0o702), ("runbooks", 0o707), ("playbooks/a.yml", 0o666), ("..", 0o757)],
)
@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_the_search_passes_over_what_others_can_write_and_says_so(
    folder: Path, monkeypatch: pytest.MonkeyPatch, part: str, mode: int
) -> None:
    outer = make_home(folder)
    (folder / "project").mkdir(mode=0o700)
    home = make_home(folder / "project" / "home")
    (home / "playbooks" / "a.yml").write_text("service: a\n")
    (home / part).chmod(mode)
    monkeypatch.chdir(home)
    found = look_for_home(None)
    assert found.home == outer
    assert str(home) in found.passed_over[0]
    assert "written by" in found.passed_over[0]


@pytest.mark.posix("Windows does not remove the current folder of a process")
def test_a_current_folder_that_is_gone_does_not_matter(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = folder / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert look_for_home(None).home is None


@pytest.mark.root
def test_root_does_not_take_a_named_home_that_others_can_write(folder: Path) -> None:
    home = make_home(folder / "home")
    (home / "playbooks").chmod(0o777)
    with pytest.raises(BadConfig) as caught:
        look_for_home(str(home))
    assert f"{home}/playbooks can be written by everybody" in caught.value.why
    assert "chmod" in caught.value.todo
