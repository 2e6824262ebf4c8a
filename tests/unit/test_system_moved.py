"""Sources of a program whose folder was renamed, replaced or deleted after its start."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from watchdog.evidence.sources import Sources
from watchdog.model.evidence import Frame
from watchdog.model.process import Identity, Process
from watchdog.system import here
from watchdog.system.disk.moved import Moved
from watchdog.system.host import accounts
from watchdog.system.process import rights

TEXT = "def reserve(guest):\n    with desk:\n        return rooms[guest]\n"
AN_HOUR = 3600.0


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A folder with a program of two files, an hour old."""
    made = tmp_path / "releases" / "41"
    (made / "shop").mkdir(parents=True)
    for name in ("server.py", "shop/rooms.py"):
        (made / name).write_text(TEXT, newline="\n")
        os.utime(made / name, (time.time() - AN_HOUR,) * 2)
    return made


def moved(folder: Path | None = None, started: float | None = None) -> Moved:
    return Moved(rights.of(os.getpid()), str(folder) if folder else None, started or time.time() - 60)


def named(folder: Path, file: str) -> str:
    """As frames name a file: with the same slashes on every system."""
    return here.slashes(f"{folder}/{file}")


def test_a_file_below_the_folder_that_the_process_works_in_is_found_under_its_new_name(release: Path) -> None:
    now = release.rename(release.parent / "old")
    found = moved(now)
    place, part = found.find(named(release, "shop/rooms.py"), missing=True) or ("", None)
    assert place == named(now, "shop/rooms.py")
    assert part is not None and part.data.decode() == TEXT
    assert (found.known(named(release, "server.py")) or ("",))[0] == named(now, "server.py")


@pytest.mark.parametrize(("name", "others"), [("41.old", ("40", "42")), ("gone", ())])
def test_a_folder_beside_the_missing_one_is_taken_if_no_other_can_be_meant(
    release: Path, name: str, others: tuple[str, ...]
) -> None:
    for other in others:
        shutil.copytree(release, release.parent / other)
    now = release.rename(release.parent / name)
    found = moved().find(named(release, "server.py"), missing=True)
    assert found is not None
    assert found[0] == named(now, "server.py")


def test_the_folder_of_a_path_ends_at_the_root_or_at_the_drive() -> None:
    paths = ("", "/srv", "C:", "C:/srv")
    assert [here.folder_of(path.split("/")) for path in paths] == ["/", "/srv", "C:/", "C:/srv"]


def test_of_two_folders_that_may_be_meant_none_is_taken(release: Path) -> None:
    shutil.copytree(release, release.parent / "40")
    release.rename(release.parent / "42")
    assert moved().find(named(release, "server.py"), missing=True) is None


def test_a_file_that_is_newer_than_the_process_is_not_taken(release: Path) -> None:
    now = release.rename(release.parent / "41.old")
    (now / "server.py").write_text("another = 1\n")
    assert moved(now).find(named(release, "server.py"), missing=True) is None


def test_a_folder_that_the_kernel_calls_deleted_is_not_looked_into(release: Path) -> None:
    shutil.rmtree(release)
    assert moved(Path(f"{release} (deleted)")).find(named(release, "server.py"), missing=True) is None


def process(cwd: Path) -> Process:
    return Process(Identity("boot", os.getpid(), 1), 1, "python", "S", 1, 1, 0, accounts.our_id(), "me",
                   time.time() - 60, 1, 1, 1.0, False, cwd=str(cwd))  # fmt: skip


@pytest.mark.parametrize("age", [0.0, AN_HOUR], ids=["it is newer", "its time stamps were kept"])
def test_the_source_as_it_was_at_the_start_is_shown_though_another_release_stands_there_now(
    release: Path, age: float
) -> None:
    now = release.rename(release.parent / "41.old")
    shutil.copytree(now, release, copy_function=shutil.copyfile)
    (release / "server.py").write_text("# another release\n\n" + TEXT)
    os.utime(release / "server.py", (time.time() - age,) * 2)
    sources = Sources()
    seen = sources.read([(os.getpid(), Frame("reserve", named(release, "server.py"), 2))], [process(now)])
    assert [(one.path, one.line(2), one.changed_since_start) for one in seen] == [
        (named(release, "server.py"), "    with desk:", False)
    ]
    assert [reason for _, reason in sources.unread()] == [
        f"{named(release, 'server.py')} was moved or replaced after the start; "
        f"its source was read in {named(now, 'server.py')}"
    ]


def test_a_source_that_is_gone_for_good_is_said_to_be_gone(release: Path, tmp_path: Path) -> None:
    shutil.rmtree(release)
    sources = Sources()
    assert not sources.read([(os.getpid(), Frame("reserve", named(release, "server.py"), 2))], [process(tmp_path)])
    assert "is not there any more" in next(iter(sources.unread()))[1]


def test_another_file_of_the_same_name_is_not_taken_for_it(release: Path) -> None:
    now = release.rename(release.parent / "41.old")
    sources = Sources()
    sources.read([(os.getpid(), Frame("cancel", named(release, "server.py"), 2))], [process(now)])
    assert sources.elsewhere == {named(release, "server.py"): ""}
