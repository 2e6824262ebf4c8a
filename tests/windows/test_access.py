"""Who else could write: by access lists. What others can change is not used, and what wd writes is closed to them."""

from __future__ import annotations

import ctypes
import sys
import time
from ctypes import wintypes
from pathlib import Path

import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

from machine import Home, home, programs, told

from watchdog.system.disk import files, trust
from watchdog.system.windows import access_lists, kernel, rights

__all__ = ["home", "programs"]  # fixtures

OURS = "D:P(A;OICI;FA;;;OW)(A;OICI;FA;;;BA)(A;OICI;FA;;;SY)"
EVERYBODY_CHANGES, EVERYBODY_READS = f"{OURS}(A;OICI;0x1301bf;;;WD)", f"{OURS}(A;OICI;0x1200a9;;;WD)"


def give(path: Path, text: str) -> None:
    """An access list, written as Windows writes one."""
    library = ctypes.WinDLL("advapi32", use_last_error=True)
    made = ctypes.c_void_p()
    convert = library.ConvertStringSecurityDescriptorToSecurityDescriptorW
    assert convert(wintypes.LPCWSTR(text), 1, ctypes.byref(made), None), ctypes.WinError(ctypes.get_last_error())
    done = library.SetFileSecurityW(wintypes.LPCWSTR(str(path)), 4, made)
    assert done, ctypes.WinError(ctypes.get_last_error())


def strangers(path: Path, wanted: int = rights.TO_SEE_OR_CHANGE) -> str:
    found = access_lists.of(path)
    return rights.strange_owner(found, kernel.user_sid()) or rights.stranger(found, kernel.user_sid(), wanted)


@pytest.mark.parametrize("part", [".", "playbooks", "runbooks"])
def test_a_home_that_everybody_can_change_is_not_used(home: Home, part: str) -> None:
    home.service()
    assert home.wd_here("validate").returncode == 0
    open_to_all = (home.folder / part).resolve()
    give(open_to_all, EVERYBODY_CHANGES)
    done = home.wd_here("validate")
    assert done.returncode == 3, told(done)
    assert f"{open_to_all} can be changed by Everyone" in done.stderr, told(done)
    assert f'icacls "{open_to_all}"' in done.stderr, told(done)
    give(open_to_all, OURS)
    assert home.wd_here("validate").returncode == 0


def test_a_playbook_that_everybody_can_change_is_not_used(home: Home) -> None:
    home.service()
    playbook = home.folder / "playbooks" / "shop.yml"
    give(playbook, EVERYBODY_READS)
    assert home.wd_here("validate").returncode == 0
    give(playbook, EVERYBODY_CHANGES)
    assert home.wd("start", "shop").returncode == 3
    assert home.holder() == 0
    done = home.wd_here("validate")
    assert done.returncode == 3, told(done)
    assert f"{playbook} can be changed by Everyone" in done.stdout + done.stderr, told(done)


def test_a_folder_above_counts_as_soon_as_it_could_be_replaced(tmp_path: Path) -> None:
    inside = tmp_path / "above" / "home"
    inside.mkdir(parents=True)
    give(inside, OURS)
    give(tmp_path / "above", f"{OURS}(A;;0x1200af;;;WD)")  # reads, adds files and folders: none of ours is replaced
    shared = strangers(tmp_path / "above", rights.TO_REPLACE)
    give(tmp_path / "above", EVERYBODY_CHANGES)
    assert "above can be changed by Everyone" in trust.check_trusted_folder(inside)
    if shared:
        pytest.skip("this file system knows no right to add without the right to remove (Wine's)")


def test_a_link_to_a_folder_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    try:
        (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    except OSError as error:
        pytest.skip(f"no link can be made here: {error}")
    assert trust.check_trusted_folder(tmp_path / "real") == ""
    assert "link" in trust.check_trusted_folder(tmp_path / "link")


def test_what_wd_writes_about_a_service_is_closed_to_others(home: Home) -> None:
    """Journal, evidence, shim records and locks, in a folder that everybody could read before."""
    began = time.time()
    home.service()
    logs = home.folder / "logs"
    give(logs, EVERYBODY_READS)
    assert strangers(logs) == rights.EVERYBODY
    for words in (("start", "shop"), ("snapshot", f":{home.port}"), ("kill", "shop", "--yes")):
        done = home.wd(*words)
        assert done.returncode == 0, told(done)
    written = [path for path in logs.rglob("*") if path.exists()]
    written += [path for path in files.runtime_folder().rglob("*") if path.exists() and path.stat().st_mtime > began]
    assert {"journal.db", "manifest.json", "report.json"} <= {path.name for path in written}, written
    if not inherits(home.folder):  # Wine: then the folder's list says nothing about a file that is made in place
        written = [path for path in written if path.is_dir() or (path.suffix == ".json" and "shim" not in path.parts)]
    assert not [path for path in (logs, files.runtime_folder(), *written) if strangers(path)]


def inherits(folder: Path) -> bool:
    """Whether a file takes over the list of its folder here."""
    closed = files.make_folder(folder / "closed")
    (closed / "file").write_text("")
    return not strangers(closed / "file")


def test_a_file_that_wd_writes_beside_others_is_closed_to_others(tmp_path: Path) -> None:
    give(tmp_path, EVERYBODY_READS)
    files.write_atomic(tmp_path / "users.json", "{}")
    files.write_atomic(tmp_path / "page.html", "<p>", mode=0o644)
    assert trust.is_private(tmp_path / "users.json")
    give(tmp_path / "users.json", EVERYBODY_READS)
    assert not trust.is_private(tmp_path / "users.json")
    assert "icacls" in trust.how_to_hide(tmp_path / "users.json")


def test_a_folder_that_is_there_is_closed_before_wd_writes_in_it(tmp_path: Path) -> None:
    give(tmp_path, EVERYBODY_CHANGES)
    files.make_folder(tmp_path)
    assert strangers(tmp_path) == ""
    assert strangers(files.make_folder(tmp_path / "a" / "b")) == ""
