"""Files are opened with the rights of whoever named them, by a child that cannot hold anybody up."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from strangers import DROP, NOBODY, PYTHON, RUNS_WD, open_folder

from watchdog.system.disk.open_files import read_open_file
from watchdog.system.disk.target_files import present, read_file, read_files, read_folders
from watchdog.system.linux.target_files import Helper
from watchdog.system.process import rights
from watchdog.system.process.rights import Rights

pytestmark = pytest.mark.root
ORDINARY = Rights(NOBODY, NOBODY)


@pytest.fixture
def place() -> Iterator[Path]:
    with open_folder(owner=0) as made:
        yield made


def file(path: Path, mode: int, owner: int = 0, group: int = 0) -> str:
    path.write_text("content")
    os.chown(path, owner, group)
    path.chmod(mode)
    return str(path)


def test_mode_owner_and_group_count_as_for_the_process_itself(place: Path) -> None:
    for path, allowed in (
        (file(place / "open", 0o644), True),
        (file(place / "mine", 0o600, NOBODY), True),
        (file(place / "roots", 0o600), False),
        (file(place / "group", 0o640, 0, NOBODY), True),
        (file(place / "other-group", 0o640, 0, 4), False),
        ("/etc/shadow", False),
    ):
        found = read_file(ORDINARY, path, 100)
        assert bool(found.data) == allowed, (path, found)
        assert found.denied != allowed
    assert read_file(Rights(NOBODY, NOBODY, (4,)), str(place / "other-group"), 100).data == b"content"


def test_root_without_the_capability_to_read_everything_reads_only_its_own(place: Path) -> None:
    bare = Rights(0, 0)
    assert read_file(bare, file(place / "own", 0o600), 100).data == b"content"
    assert read_file(bare, file(place / "theirs", 0o600, NOBODY), 100).denied


def test_a_file_whose_folder_is_closed_is_neither_read_nor_seen(folder: Path) -> None:
    path = file(folder / "open", 0o644)
    assert read_file(ORDINARY, path, 100).denied
    assert present(ORDINARY, [path, "/etc/passwd", "/nowhere", "/etc"]) == {"/etc/passwd", "/etc"}
    assert present(rights.ours(), [path]) == {path}


def test_the_names_in_a_folder_are_told_to_whoever_may_read_it(place: Path, folder: Path) -> None:
    for where in (place, folder):
        file(where / "one", 0o600)
        file(where / "two", 0o644)
    assert {path: sorted(names) for path, names in read_folders(ORDINARY, [str(place), str(folder)], 1000).items()} == {
        str(place): ["one", "two"],
        str(folder): [],
    }
    assert len(read_folders(ORDINARY, [str(place)], 5)[str(place)]) == 1


def test_what_is_not_a_plain_file_gives_nothing_and_holds_nobody_up(place: Path) -> None:
    os.mkfifo(place / "fifo", 0o666)
    paths = [str(place / "fifo"), "/dev/zero", "/proc/self/environ", "/proc/self/fd/0", "/tmp", "a\0b", "/proc/kmsg"]
    assert all(not part.data for part in read_files(ORDINARY, paths, 100).values())


def test_the_end_of_a_file_is_read_as_well(place: Path) -> None:
    path = place / "log"
    path.write_text("x" * 1000 + "the end")
    path.chmod(0o644)
    found = read_file(ORDINARY, str(path), 7, end=True)
    assert (found.data, found.size) == (b"the end", 1007)


def test_a_program_that_a_user_began_with_the_rights_of_root_counts_as_that_user() -> None:
    code = "import os, sys; os.setresuid(65534, 0, 0); os.setresgid(65534, 0, 0); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
    ) as process:
        assert process.stdout is not None and process.stdout.readline()
        found = rights.of(process.pid)
        process.communicate(b"\n")
    assert found is not None and (found.uid, found.gid, found.reads_all) == (65534, 65534, False)


def test_rights_of_root_that_a_process_has_given_up_are_not_used(place: Path) -> None:
    path = file(place / "roots", 0o600)
    code = "import os; print(flush=True); input(); os.setuid(65534); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/", bufsize=0
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        process.stdout.readline()
        before = rights.of(process.pid)
        assert read_file(before, path, 100).data == b"content"
        process.stdin.write(b"\n")
        process.stdout.readline()
        changed = read_file(before, path, 100)
        assert changed.denied and "changed" in str(changed.error)
        process.communicate(b"\n")


def test_below_another_root_folder_no_link_leads_out(place: Path) -> None:
    for name in ("etc", "proc"):
        (place / name).mkdir()
    (place / "etc" / "hostname").write_text("inside")
    (place / "link").symlink_to("/etc/hostname")
    (place / "up").symlink_to("../../../../../etc/shadow")
    code = f"import os; os.chroot({str(place)!r}); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/"
    ) as process:
        assert process.stdout is not None and process.stdout.readline()
        found = read_files(rights.of(process.pid), ["/etc/hostname", "/link", "/up", "/../etc/shadow"], 100)
        process.communicate(b"\n")
    assert [part.data for part in found.values()] == [b"inside", b"inside", b"", b""]


STALLS = """
import json, os, sys, time
for line in sys.stdin:
    os.write(1, b"%d\\n" % os.getpid())
    for path in json.loads(line)["paths"]:
        while "stalls" in path:
            time.sleep(1)
        head = {"length": 2, "size": 2, "modified": 1.0, "error": None, "code": 0}
        os.write(1, json.dumps(head).encode() + b"\\n" + (b"ok" if "lies" not in path else b"o"))
"""


def test_a_file_that_never_answers_costs_only_itself() -> None:
    helper = Helper([sys.executable, "-c", STALLS])
    found = helper.ask(ORDINARY, ["/a", "/stalls", "/b"], 100, "begin")
    assert [found[path].data for path in ("/a", "/stalls", "/b")] == [b"ok", b"", b"ok"]
    assert "in time" in str(found["/stalls"].error)
    # Where several stall, the others are not tried for a while.
    helper.ask(ORDINARY, ["/stalls1", "/stalls2", "/stalls3"], 100, "begin")
    assert helper.ask(ORDINARY, ["/a"], 100, "begin")["/a"].error
    assert helper.ask(Rights(1, 1), ["/a"], 100, "begin")["/a"].data == b"ok"
    helper.close()


def test_an_answer_that_breaks_the_form_is_not_believed() -> None:
    lies = "import os, sys; sys.stdin.readline(); os.write(1, b'1\\n{\"length\": 1000000000}\\n'); input()"
    helper = Helper([sys.executable, "-c", lies])
    assert helper.ask(ORDINARY, ["/a"], 100, "begin")["/a"].error
    helper.close()


def test_a_descriptor_shows_its_content_only_where_the_process_could_read_it(place: Path) -> None:
    path = file(place / "file", 0o600)
    with open(path) as reads, open(path, "a") as writes, open(path, "r+") as both:  # noqa: PTH123
        only_name = os.open(path, os.O_PATH)
        numbers = (reads.fileno(), writes.fileno(), both.fileno(), only_name)
        found = [read_open_file(os.getpid(), number, 100) for number in numbers]
        os.close(only_name)
    assert found == [b"content", None, b"content", None]


@RUNS_WD
def test_whoever_is_not_root_reads_with_their_own_rights(place: Path) -> None:
    path = file(place / "theirs", 0o600, NOBODY)
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from watchdog.system.linux import target_files\n"
        "from watchdog.system.linux import rights\n"
        "print(target_files.read_file(rights.of(os.getpid()), sys.argv[2], 100).data.decode())\n"
        "print(target_files.read_file(None, '/etc/shadow', 100).error, target_files._HELPER._child.runs)"
    )
    done = subprocess.run(
        [*DROP, PYTHON, "-c", code, str(Path(__file__).parents[2]), path], capture_output=True, text=True, check=False
    )
    assert done.stdout.split("\n")[:2] == ["content", "Permission denied False"], done
