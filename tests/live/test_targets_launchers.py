"""One program, started in every usual way: listed, found, explained, never started twice, and ended."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import zipapp
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from homes import Shop, ask_without_waiting, shop_in
from interpreters import NEEDS_TRACER
from looks import line_of
from support import SERVERS, alive, connects, end_session, free_port, wait_for

from watchdog.evidence import stacks

SOURCE = SERVERS / "launched.py"
FREEZER = shutil.which("pyinstaller")
needs_freezer = pytest.mark.skipif(FREEZER is None, reason="pyinstaller is not installed")
WAYS = ["venv", "pipx", "module", "module-in-venv", "zipapp", "zipapp-with-shebang"]
FROZEN = [pytest.param(way, marks=needs_freezer) for way in ("frozen-folder", "frozen-file")]
METADATA = {
    "METADATA": "Metadata-Version: 2.1\nName: shopd\nVersion: 1.0\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "entry_points.txt": "[console_scripts]\nshopd = shopd.__main__:main\n",
    "RECORD": "",
}


@dataclass(frozen=True)
class Launched:
    """A running server: the leader of its session, and how a person names its program."""

    home: Shop
    pid: int
    port: int
    words: str

    def shown(self) -> str:
        return shlex.join(Path(f"/proc/{self.pid}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0"))

    def wd(self, *words: str) -> tuple[int, dict[str, object], list[dict[str, object]]]:
        done = self.home.wd(*words, "-o", "json")
        return done.code, done.last, done.rows


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program in every form but the frozen ones."""
    place = tmp_path_factory.mktemp("forms")
    _wheel(place / "shopd-1.0-py3-none-any.whl")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "venv" / "bin" / "python"), "install", "-q"]
    subprocess.run([*pip, "--no-index", "--no-deps", place / "shopd-1.0-py3-none-any.whl"], check=True)
    (place / "bin").mkdir()
    (place / "bin" / "shopd").symlink_to(place / "venv" / "bin" / "shopd")  # as pipx does
    for name in ("shop", "archive"):
        (place / name).mkdir()
        shutil.copy(SOURCE, place / name / "__main__.py")
    zipapp.create_archive(place / "archive", place / "shop.pyz", interpreter=sys.executable)
    return place


def _wheel(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("shopd/__init__.py", "")
        wheel.write(SOURCE, "shopd/__main__.py")
        for name, text in METADATA.items():
            wheel.writestr(f"shopd-1.0.dist-info/{name}", text)


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("frozen")
    for way, option in (("shop-folder", "--onedir"), ("shop-file", "--onefile")):
        words = [str(FREEZER), option, "--name", way, "--distpath", "dist", "--log-level", "ERROR", str(SOURCE)]
        subprocess.run(words, cwd=place, check=True, timeout=110)
    return place / "dist"


def command(way: str, place: Path) -> tuple[list[str], str]:
    """The words that start it, and those by which a person names it."""
    venv = place / "venv" / "bin"
    known: dict[str, tuple[list[str], str]] = {
        "venv": ([str(venv / "shopd")], "shopd"),
        "pipx": ([str(place / "bin" / "shopd")], "shopd"),
        "module": ([sys.executable, "-m", "shop"], "python -m shop"),
        "module-in-venv": ([str(venv / "python"), "-m", "shopd"], "python -m shopd"),
        "zipapp": ([sys.executable, "shop.pyz"], "shop.pyz"),
        "zipapp-with-shebang": ([str(place / "shop.pyz")], "shop.pyz"),
        "frozen-folder": ([str(place / "shop-folder" / "shop-folder")], "shop-folder"),
        "frozen-file": ([str(place / "shop-file")], "shop-file"),
    }
    return known[way]


@pytest.fixture
def launched(request: pytest.FixtureRequest, folder: Path) -> Iterator[Launched]:
    way = request.param
    place = request.getfixturevalue("frozen" if way.startswith("frozen") else "made")
    argv, words = command(way, place)
    with shop_in(folder) as room, started([*argv, str(port := free_port())], place, port) as pid:
        start = json.dumps({"command": [*argv, str(port)], "cwd": str(place)})
        text = f"service: shop\nfind: {{port: {port}, cmdline: {json.dumps(words)}}}\nstart: {start}\n"
        (room.folder / "playbooks" / "shop.yml").write_text(text)
        yield Launched(room, pid, port, words)


@contextmanager
def started(argv: list[str], cwd: Path, port: int) -> Iterator[int]:
    process = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(lambda: connects(port), f"{argv[0]} listens")
        yield process.pid
    finally:
        end_session(process)


every_way = pytest.mark.parametrize("launched", [*WAYS, *FROZEN], indirect=True)


@every_way
def test_it_is_listed_and_found_by_its_name_and_by_what_is_shown(launched: Launched) -> None:
    listed = [row for row in launched.wd("ps")[2] if row["ports"] == [launched.port]]
    assert [row["verdict"] for row in listed] == ["healthy"], listed
    for words in (launched.words, launched.shown()):
        code, last, rows = launched.wd("find", "--cmdline", words)
        assert code == 0 and launched.pid in [row["pid"] for row in rows], (words, last)


@every_way
def test_a_second_copy_is_refused(launched: Launched) -> None:
    code, last, _ = launched.wd("start", "--service", "shop")
    assert (code, last["outcome"], last["pid"]) == (0, "nothing", launched.pid), last
    assert last["message"] == "it runs already: nothing to do"


@NEEDS_TRACER
@every_way
def test_its_hang_has_its_line_and_it_is_ended(launched: Launched) -> None:
    ask_without_waiting(launched.port, "/hang")
    wait_for(lambda: "do_GET" in _functions(launched), "it hangs")
    code, last, _ = launched.wd("why", f":{launched.port}")
    found = last["findings"][0]  # type: ignore[index]
    assert (code, last["verdict"], found["culprit"]["function"]) == (2, "lock-deadlock", "Handler.do_GET"), last
    assert found["culprit"]["line"] == line_of(SOURCE, "lock.acquire()"), found
    alone = f"{launched.words} {launched.port}"  # another run of these tests may have a server of the same name
    code, last, _ = launched.wd("kill", "--cmdline", alone, "--no-evidence")
    assert (code, last["outcome"], alive(launched.pid), connects(launched.port)) == (0, "done", False, False), last


def _functions(launched: Launched) -> str:
    pids = [row["pid"] for row in launched.wd("find", f":{launched.port}")[2]]
    return " ".join(frame.function for pid in pids for thread in stacks.dump(int(str(pid))).threads
                    for frame in thread.frames)  # fmt: skip
