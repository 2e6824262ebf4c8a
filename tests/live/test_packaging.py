"""What a person installs is whole: wheel, sdist and checkout carry the code, the runbooks and the playbooks."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def files() -> list[Path]:
    """What belongs to the project: what git knows, or everything where there is no git."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    names = [name.decode() for name in done.stdout.split(b"\0") if name]
    found = [ROOT / name for name in names] if done.returncode == 0 else list(ROOT.rglob("*"))
    hidden = (".venv", "__pycache__", "build", "dist")
    return [path for path in found if path.is_file() and not set(hidden) & set(path.relative_to(ROOT).parts)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a wheel and an sdist, built from a copy so that the checkout stays as it is."""
    copy = tmp_path_factory.mktemp("source") / "wd"
    for source in files():
        target = copy / source.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    out = tmp_path_factory.mktemp("built")
    words = [sys.executable, "-m", "build", "--outdir", str(out), str(copy)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return out


@pytest.mark.timeout(400)
def test_the_wheel_holds_every_module_and_every_shipped_document(built: Path) -> None:
    names = set(zipfile.ZipFile(next(built.glob("*.whl"))).namelist())
    for path in files():
        room = path.relative_to(ROOT).parts[0]
        if room == "watchdog":
            assert path.relative_to(ROOT).as_posix() in names
        if room in ("runbooks", "playbooks"):
            assert f"watchdog/library/{room}/{path.name}" in names


@pytest.mark.timeout(400)
def test_the_source_archive_holds_the_tests_and_the_documents(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for path in files():
        if path.relative_to(ROOT).parts[0] in ("watchdog", "tests", "runbooks", "playbooks", "docs"):
            assert path.relative_to(ROOT).as_posix() in names


@pytest.mark.timeout(600)
def test_the_wheel_installs_into_a_clean_environment_and_runs_from_an_empty_folder(
    built: Path, tmp_path: Path, folder: Path
) -> None:
    environment = tmp_path / "clean"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True, timeout=120)
    pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, str(next(built.glob("*.whl")))], check=True, timeout=400)
    empty = tmp_path / "empty"
    empty.mkdir()
    wd = str(environment / "bin" / "wd")
    done = subprocess.run([wd, "demo"], cwd=empty, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    report = Path(done.stdout.rpartition("The whole report: ")[2].strip())
    assert "lock-deadlock" in report.read_text()
    assert not list(empty.iterdir())
