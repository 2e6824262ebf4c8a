"""Files that are complete or absent, folders that only their owner enters."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from watchdog.model.errors import Refused
from watchdog.system.disk import files
from watchdog.system.disk.paths import open_for_reading


@pytest.fixture(params=[0o000, 0o077, 0o022])
def umask(request: pytest.FixtureRequest):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def names(path: Path) -> list[str]:
    return sorted(inside.name for inside in path.iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_files_are_0600_and_folders_0700_whatever_the_umask(folder: Path, umask: int) -> None:
    files.make_folder(folder / "a" / "b")
    files.write_atomic(folder / "a" / "b" / "file", "text")
    with files.open_folder(folder / "c") as opened:
        opened.write("one", b"1")
        with opened.folder("inner") as inner:
            inner.write("two", "2")
    found = {path: mode(path) for path in folder.rglob("*")}
    assert {path for path, has in found.items() if path.is_file() and has != 0o600} == set()
    assert {path for path, has in found.items() if path.is_dir() and has != 0o700} == set()
    assert len(found) == 7


def test_a_replaced_file_has_the_new_content_and_leaves_no_scrap(folder: Path) -> None:
    files.write_atomic(folder / "f", "old")
    files.write_atomic(folder / "f", "new ü")
    assert (folder / "f").read_text(encoding="utf-8") == "new ü"
    assert names(folder) == ["f"]


@pytest.mark.posix("Windows writes through another call")
def test_a_failed_write_keeps_the_old_file_and_leaves_no_scrap(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files.write_atomic(folder / "f", "old")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_atomic(folder / "f", "new")
    monkeypatch.undo()
    assert (folder / "f").read_text() == "old"
    assert names(folder) == ["f"]


def test_scraps_of_a_killed_writer_are_swept_out_and_nothing_else(folder: Path) -> None:
    old, young, other = folder / ".a.md.0123456789ab.tmp", folder / ".b.0123456789ab.tmp", folder / ".keep.tmp"
    for each in (old, young, other):
        each.touch()
    for each in (old, other):
        os.utime(each, (1, 1))
    files.open_folder(folder).close()
    assert names(folder) == sorted([young.name, other.name])


def test_text_that_is_no_utf8_is_written_with_backslashes(folder: Path) -> None:
    files.write_atomic(folder / "f", "a\udcff")
    assert (folder / "f").read_bytes() == b"a\\udcff"


@pytest.mark.posix("a POSIX link is not a reparse point of Windows")
def test_a_link_where_our_folder_should_be_is_refused(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    (folder / "ours").symlink_to(folder / "elsewhere")
    with pytest.raises(Refused):
        files.make_folder(folder / "ours")
    with files.open_folder(folder / "real") as real, pytest.raises(Refused):
        (folder / "real" / "inner").symlink_to(folder / "elsewhere")
        real.folder("inner")
    assert names(folder / "elsewhere") == []


def test_a_file_written_over_a_link_replaces_the_link_and_not_its_target(folder: Path) -> None:
    (folder / "precious").write_text("keep")
    (folder / "report").symlink_to(folder / "precious")
    files.write_atomic(folder / "report", "mine")
    assert (folder / "precious").read_text() == "keep"
    assert not (folder / "report").is_symlink()


@pytest.mark.posix("a POSIX link is not a reparse point of Windows")
def test_a_folder_swapped_for_a_link_while_open_does_not_lead_the_writer_astray(folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    with files.open_folder(folder / "ours") as ours:
        (folder / "ours").rename(folder / "moved")
        (folder / "ours").symlink_to(folder / "elsewhere")
        ours.write("stacks.json", "{}")
    assert names(folder / "elsewhere") == []
    assert names(folder / "moved") == ["stacks.json"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc/passwd", "a\0b"])
def test_a_name_that_leads_out_of_the_folder_is_refused(folder: Path, name: str) -> None:
    with files.open_folder(folder / "f") as opened, pytest.raises(Refused):
        opened.write(name, b"x")


@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_an_old_folder_of_ours_is_closed_to_others(folder: Path) -> None:
    (folder / "old").mkdir(0o755)
    (folder / "old").chmod(0o755)
    files.make_folder(folder / "old")
    assert mode(folder / "old") == 0o700


@pytest.mark.root
def test_a_folder_of_another_user_is_refused(folder: Path) -> None:
    (folder / "theirs").mkdir()
    os.chown(folder / "theirs", 65534, 65534)
    with pytest.raises(Refused, match="belongs to user"):
        files.make_folder(folder / "theirs")


@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_the_state_goes_into_the_homes_logs(folder: Path) -> None:
    (folder / "home").mkdir(0o700)
    assert files.state_folder(folder / "home") == folder / "home" / "logs"
    assert mode(folder / "home" / "logs") == 0o700


@pytest.mark.posix("Windows has no modes: access lists, see tests/windows")
def test_a_homes_logs_that_others_can_write_are_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = folder / "home"
    (home / "logs").mkdir(parents=True)
    (home / "logs").chmod(0o777)
    monkeypatch.setattr(files, "make_folder", lambda path: path)  # the real one would make the user's state folder
    assert home not in files.state_folder(home).parents


def test_the_last_part_of_a_log_begins_with_a_whole_line(folder: Path) -> None:
    log = folder / "log"
    log.write_bytes(b"first line\nsecond line\nthird line\n")
    assert files.tail(log, 1000) == ("first line\nsecond line\nthird line\n", 34, None)
    assert files.tail(log, 15) == ("third line\n", 34, None)
    assert files.tail(log, 11) == ("third line\n", 34, None)
    assert files.tail(log, 5) == ("line\n", 34, None)


def test_a_log_that_is_no_utf8_is_shown_with_backslashes(folder: Path) -> None:
    (folder / "log").write_bytes(b"caf\xe9 \xff\n")
    assert files.tail(folder / "log", 100)[0] == "caf\\xe9 \\xff\n"


def test_a_missing_or_empty_log_is_told_and_not_raised(folder: Path) -> None:
    assert files.tail(folder / "none", 10) == ("", 0, "No such file or directory")
    (folder / "empty").touch()
    assert files.tail(folder / "empty", 10) == ("", 0, None)


@pytest.mark.posix("a POSIX link is not a reparse point of Windows")
def test_a_rotated_log_is_read_through_our_own_link(folder: Path) -> None:
    (folder / "app-1.log").write_text("hello\n")
    (folder / "app.log").symlink_to("app-1.log")
    (folder / "deep.log").symlink_to("../" + folder.name + "/app.log")
    assert files.tail(folder / "deep.log", 100)[0] == "hello\n"
    (folder / "loop").symlink_to("loop")
    assert "symbolic links" in str(files.tail(folder / "loop", 100)[2])


@pytest.mark.root
def test_a_link_of_another_user_leads_only_to_files_of_that_user(folder: Path) -> None:
    (folder / "secret").write_text("root only")
    (folder / "own").write_text("theirs")
    os.chown(folder / "own", 65534, 65534)
    logs = folder / "logs"
    logs.mkdir()
    os.chown(logs, 65534, 65534)
    for name, target in (("bad", "../secret"), ("good", "../own")):
        (logs / name).symlink_to(target)
        os.chown(logs / name, 65534, 65534, follow_symlinks=False)
    (folder / "dir").symlink_to(logs)
    assert files.tail(logs / "good", 100)[0] == "theirs"
    text, _, error = files.tail(logs / "bad", 100)
    assert text == "" and error is not None and "not followed" in error
    os.link(folder / "secret", logs / "hard")
    assert "2 names" in str(files.tail(logs / "hard", 100)[2])


@pytest.mark.posix("counts the descriptors in Linux's /proc")
def test_reading_leaves_no_descriptor_open(folder: Path) -> None:
    (folder / "log").write_text("x")
    (folder / "link").symlink_to("log")
    before = len(names(Path("/proc/self/fd")))
    for name in ("log", "link", "none", "."):
        files.tail(folder / name, 10)
    with pytest.raises(OSError):
        open_for_reading(folder)
    assert len(names(Path("/proc/self/fd"))) == before
