"""The last part of any log is kept, whatever the log is, and never more than there is room for."""

from __future__ import annotations

import gzip
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest
from support import wait_for

from watchdog.evidence import logs
from watchdog.system.disk import files

ROOT = Path(__file__).parents[2]


def save(folder: Path, *paths: Path | str, seconds: float = 20.0, room: int = 50_000_000):
    with files.open_folder(folder / "kept") as opened:
        return logs.save(opened, paths, seconds, room)


def test_a_log_is_saved_under_a_time_stamped_name_with_its_hash(folder: Path) -> None:
    log = folder / "shop.log"
    log.write_text("first\nsecond\n")
    read, (kept,) = save(folder, log)
    assert re.fullmatch(r"logs/shop-\d{8}_\d{6}\.log", kept.path)
    saved = folder / "kept" / Path(kept.path).name
    assert saved.read_text() == "first\nsecond\n" and saved.stat().st_mode & 0o777 == 0o600
    assert kept.source == str(log) and kept.size == 13 and len(kept.sha256) == 64 and kept.error is None
    assert read[0].text == "first\nsecond\n" and read[0].modified is not None


def test_secrets_are_not_in_what_is_saved(folder: Path) -> None:
    log = folder / "shop.log"
    log.write_text("password=hunter2XyZ\n" + "line\n" * 10)
    read, (kept,) = save(folder, log)
    assert "hunter2XyZ" not in (folder / "kept" / Path(kept.path).name).read_text() + read[0].text


def test_what_is_no_regular_file_is_told_and_blocks_nobody(folder: Path) -> None:
    os.mkfifo(folder / "fifo")
    (folder / "dir").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "sock"))
        _, kept = save(folder, folder / "fifo", "/dev/zero", folder / "dir", folder / "sock", folder / "none")
    told = [one.error for one in kept]
    assert all(not one.path for one in kept)
    assert "FIFO" in str(told[0]) and "device" in str(told[1]) and "folder" in str(told[2]) and "socket" in str(told[3])


def test_a_log_that_grows_while_it_is_read_ends(folder: Path) -> None:
    log, stop = folder / "busy.log", threading.Event()

    def write() -> None:
        with log.open("ab") as out:
            while not stop.is_set():
                out.write(b"x" * 1000 + b"\n")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        wait_for(lambda: log.exists() and log.stat().st_size > 1_000_000, "it grows")
        _, (kept,) = save(folder, log)
    finally:
        stop.set()
        thread.join()
    assert 0 < kept.size <= logs.EACH


def test_names_that_would_break_a_shell_or_a_page_are_made_harmless(folder: Path) -> None:
    names = [
        b"new\nline.log",
        b"a;rm -rf x.log",
        b"-rf.log",
        b"caf\xe9.log",
        b"n" * 251 + b".log",
        b"..log",
        b"$(x).log",
    ]
    for name in names:
        (folder / os.fsdecode(name)).write_bytes(b"hello\n")
    _, kept = save(folder, *(folder / os.fsdecode(name) for name in names))
    assert all(re.fullmatch(r"logs/[A-Za-z0-9][A-Za-z0-9._-]{0,120}", one.path) for one in kept), kept
    assert len({one.path for one in kept}) == len(names)


def test_the_log_before_a_rotation_is_saved_too(folder: Path) -> None:
    (folder / "shop.log").write_text("young\n")
    (folder / "shop.log.1").write_text("what happened before\n")
    _, kept = save(folder, folder / "shop.log")
    assert [Path(one.source).name for one in kept] == ["shop.log", "shop.log.1"]


def test_a_copytruncated_log_has_no_hole_in_front(folder: Path) -> None:
    log = folder / "shop.log"
    with log.open("wb") as out:
        out.seek(1_000_000)
        out.write(b"after the rotation\n")
    _, (kept,) = save(folder, log)
    assert (folder / "kept" / Path(kept.path).name).read_text() == "after the rotation\n"


def test_a_compressed_bomb_is_not_unpacked(folder: Path) -> None:
    (folder / "old.log.gz").write_bytes(gzip.compress(b"\0" * 50_000_000))
    read, (kept,) = save(folder, folder / "old.log.gz")
    assert kept.path == "" and "compressed" in str(kept.error) and read[0].text == ""


def test_no_more_is_saved_than_there_is_room_for(folder: Path) -> None:
    paths = []
    for number in range(5):
        paths.append(folder / f"{number}.log")
        paths[-1].write_bytes(b"line\n" * 100_000)
    _, kept = save(folder, *paths, room=1_200_000)
    assert sum(one.size for one in kept) <= 1_200_000 and len(kept) == 5


HEAVY = """
import os, pathlib, resource, sys, time
limit = 256 << 20
from watchdog.evidence import logs, snapshot
from watchdog.system.disk import files
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
here = pathlib.Path(sys.argv[1])
with files.open_folder(here / "kept") as opened:
    read, kept = logs.save(opened, sorted(here.glob("*.log")), 10.0, 50_000_000)
for one in kept:
    print(pathlib.Path(one.source).name, one.size, one.error)
"""


def test_terabytes_and_endless_lines_need_little_memory_and_time(folder: Path) -> None:
    with (folder / "sparse.log").open("wb") as out:
        out.truncate(1 << 40)
    with (folder / "tail.log").open("wb") as out:
        out.seek(1 << 40)
        out.write(b"the end\n")
    with (folder / "line.log").open("wb") as out:  # one line of 2 GB, sparse but for its end
        out.seek(2 << 30)
        out.write(b"x" * 3_000_000)
    (folder / "words.log").write_bytes(b"ERROR shop.views token expired for user kim\n" * 200_000)
    (folder / "binary.log").write_bytes(os.urandom(3_000_000))
    done = subprocess.run(
        [sys.executable, "-c", HEAVY, str(folder)], cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = {line.split()[0]: line.split(None, 2)[1:] for line in done.stdout.splitlines()}
    assert "hole" in said["sparse.log"][1]
    assert said["tail.log"][0] == "8" and int(said["line.log"][0]) == logs.EACH
    assert 0 < int(said["words.log"][0]) <= logs.EACH
    assert 0 < int(said["binary.log"][0]) <= logs.EACH


SWAPPER = """
import os, sys
os.setgid(65534); os.setuid(65534)
os.chdir(sys.argv[1])
print("ready", flush=True)
while True:
    for make in (lambda: os.symlink(sys.argv[2], "next"), lambda: os.close(os.open("next", os.O_CREAT | os.O_WRONLY))):
        try:
            make()
            os.rename("next", "app.log")
        except OSError:
            pass
"""


@pytest.mark.root
def test_a_log_swapped_for_a_link_never_gives_a_secret(folder: Path) -> None:
    folder.chmod(0o711)
    for above in folder.parents:  # pytest's own folders, one more of them in a worker of xdist
        if above == Path(tempfile.gettempdir()):
            break
        above.chmod(0o711)
    secret = folder / "shadow"
    secret.write_text("top secret of root\n")
    secret.chmod(0o600)
    theirs = folder / "theirs"
    theirs.mkdir(0o777)
    theirs.chmod(0o777)
    swapper = subprocess.Popen(
        [sys.executable, "-c", SWAPPER, str(theirs), str(secret)], stdout=subprocess.PIPE, cwd="/"
    )
    try:
        assert swapper.stdout is not None and swapper.stdout.readline() == b"ready\n"
        refused, rounds, end = 0, int(os.environ.get("WD_ROUNDS", "1")) * 10_000, time.monotonic() + 60
        while (rounds > 0 or not refused) and time.monotonic() < end:
            data, _size, _modified, error = files.tail_bytes(theirs / "app.log", 100)
            assert b"secret" not in data
            refused += "not followed" in (error or "")
            rounds -= 1
        assert refused, "the link was never met: the test shows nothing"
    finally:
        swapper.kill()
        swapper.wait()
        swapper.stdout.close()
