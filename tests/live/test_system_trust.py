"""What root reads can have been written by root alone: tried with real owners, modes, links and swaps."""

from __future__ import annotations

import contextlib
import os
import pwd
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from watchdog.model.errors import BadConfig
from watchdog.system.disk.trust import LIMIT, check_trusted_folder, read_trusted

NOBODY = pwd.getpwnam("nobody")
pytestmark = pytest.mark.root


@pytest.fixture
def playbook(folder: Path) -> Path:
    (folder / "home" / "playbooks").mkdir(parents=True, mode=0o755)
    path = folder / "home" / "playbooks" / "shop.yml"
    path.write_text("service: shop\n")
    path.chmod(0o644)
    return path


def give(path: Path) -> None:
    os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid, follow_symlinks=False)


def sticky(folder: Path) -> None:
    folder.chmod(0o1777)


def sticky_of_nobody(folder: Path) -> None:
    give(folder)
    folder.chmod(0o1777)


def linked_folder_of_nobody(folder: Path) -> None:
    real = folder.with_name("real")
    folder.rename(real)
    folder.symlink_to(real)
    give(folder)


def linked_folder_of_root(folder: Path) -> None:
    real = folder.with_name("real")
    folder.rename(real)
    folder.symlink_to(real)


def linked_file(path: Path) -> None:
    real = path.with_name("real")
    path.rename(real)
    path.symlink_to(real)


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def overlong(path: Path) -> None:
    path.write_bytes(b"#" * (LIMIT + 1))


TABLE: list[tuple[str, str, Callable[[Path], object], str]] = [
    ("nothing is wrong", "file", lambda _: None, ""),
    ("the file is read-only", "file", lambda path: path.chmod(0o400), ""),
    ("everybody can write the file", "file", lambda path: path.chmod(0o666), "written by everybody"),
    ("a group can write the file", "file", lambda path: path.chmod(0o664), "written by the group"),
    ("the file is another user's", "file", give, "belongs to the user nobody"),
    ("everybody can write the folder", "folder", lambda path: path.chmod(0o777), "written by everybody"),
    ("a group can write the folder", "folder", lambda path: path.chmod(0o775), "written by the group"),
    ("the folder is another user's", "folder", give, "belongs to the user nobody"),
    ("everybody can write the home", "home", lambda path: path.chmod(0o777), "written by everybody"),
    ("the home is another user's", "home", give, "belongs to the user nobody"),
    ("the folder above is another user's", "above", give, "belongs to the user nobody"),
    ("everybody can write the folder above", "above", lambda path: path.chmod(0o777), "written by everybody"),
    ("a sticky folder of root stands above", "above", sticky, ""),
    ("a sticky folder of another user stands above", "above", sticky_of_nobody, "belongs to the user nobody"),
    ("the folder is a link of root", "folder", linked_folder_of_root, ""),
    ("the folder is a link of another user", "folder", linked_folder_of_nobody, "a symbolic link of the user nobody"),
    ("the file is a link", "file", linked_file, "a symbolic link"),
    ("the file is a FIFO", "file", fifo, "not a regular file"),
    ("the file is missing", "file", lambda path: path.unlink(), "No such file"),
    ("the file is too long", "file", overlong, "larger than 256 KiB"),
]


@pytest.mark.parametrize(("what", "part", "change", "told"), TABLE, ids=[row[0] for row in TABLE])
def test_root_reads_only_what_nobody_else_could_have_written(
    playbook: Path, what: str, part: str, change: Callable[[Path], object], told: str
) -> None:
    parts = {"file": playbook, "folder": playbook.parent, "home": playbook.parents[1], "above": playbook.parents[2]}
    change(parts[part])
    if not told:
        assert read_trusted(playbook) == b"service: shop\n"
        return
    with pytest.raises(BadConfig) as caught:
        read_trusted(playbook)
    assert told in caught.value.why


def test_the_home_itself_may_not_even_be_sticky(playbook: Path) -> None:
    sticky(playbook.parents[1])
    assert "written by everybody" in check_trusted_folder(playbook.parents[1])
    assert check_trusted_folder(playbook.parent) == ""


def test_a_swap_between_the_look_and_the_reading_gains_nothing(playbook: Path) -> None:
    """The name leads now to a good file, now to a stranger's, now to a link: only good bytes ever come out."""
    good, evil, link = (playbook.with_name(name) for name in ("good", "evil", "link"))
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            good.write_text("service: shop\n")
            good.chmod(0o644)
            good.replace(playbook)
            evil.write_text("service: evil\n")
            give(evil)
            evil.replace(playbook)
            link.symlink_to(Path("/etc/hostname"))
            link.replace(playbook)

    attacker = threading.Thread(target=swap)
    attacker.start()
    seen: dict[bytes, int] = {}
    refused = 0
    try:
        # Until both kinds of answers were seen often enough: the point of time decides nothing.
        while min(sum(seen.values()), refused) < 200:
            try:
                content = read_trusted(playbook)
                seen[content] = seen.get(content, 0) + 1
            except BadConfig:
                refused += 1
    finally:
        stop.set()
        attacker.join()
    assert set(seen) <= {b"service: shop\n", b""}  # empty: before its first byte was written


def test_an_ordinary_user_may_name_somebody_elses_home() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "shop.yml"
        path.write_text("service: shop\n")
        path.chmod(0o664)
        give(path)
        with pytest.raises(BadConfig):
            read_trusted(path)
        child = os.fork()
        if child == 0:
            code = 1
            with contextlib.suppress(BaseException):
                os.setgroups([])
                os.setgid(65533)
                os.setuid(65533)
                code = 0 if read_trusted(path) == b"service: shop\n" else 2
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
