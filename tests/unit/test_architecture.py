"""The house holds: imports go one way, what is dangerous has one door, and our name can live beside its namesake's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "watchdog"
FILES = sorted(path for path in HOUSE.rglob("*.py") if "__pycache__" not in path.parts)


def lines_of_rooms() -> dict[str, int]:
    """The table of docs/architecture.md is the rule, so that the document cannot drift from the code."""
    table = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    return {room: int(line) for line, room in re.findall(r"^\| (\d+) \| `(\w+)/`", table, re.MULTILINE)}


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions; what is for the type checker alone does not count."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path: Path) -> str:
    return path.relative_to(HOUSE).parts[0]


def test_every_room_stands_in_the_table_and_every_line_of_the_table_is_a_room() -> None:
    rooms = {path.name for path in HOUSE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert rooms == set(lines_of_rooms())


def test_imports_go_down_the_house_and_never_up() -> None:
    height, wrong = lines_of_rooms(), []
    for path in FILES:
        if path.parent == HOUSE:
            continue
        here = room(path)
        for module in imports(path):
            parts = module.split(".")
            other = parts[1] if parts[0] == "watchdog" and len(parts) > 1 else here
            if other != here and height.get(other, -1) >= height[here]:
                wrong.append(f"{path.relative_to(ROOT)} (line {height[here]}) imports {module}")
    assert not wrong, "\n".join(sorted(set(wrong)))


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        ("apscheduler", {"watch"}),
        ("pydantic", {"config"}),
        ("jinja2", {"report", "runbook"}),
        ("starlette", {"web"}),
        ("uvicorn", {"web"}),
        ("prometheus_client", {"web"}),
        ("subprocess", {"system"}),
        ("ctypes", {"system"}),
        ("socket", {"system"}),
        ("requests", {"system"}),
    ],
)
def test_a_library_has_its_rooms(library: str, rooms: set[str]) -> None:
    users = {room(path) for path in FILES if any(name.split(".")[0] == library for name in imports(path))}
    assert users <= rooms


def test_no_signal_leaves_but_through_one_file() -> None:
    senders = re.compile(r"os\.kill\(|os\.killpg\(|pidfd_send_signal\(|\.send_signal\(|\.terminate\(\)|\.kill\(\)")
    found = {path.relative_to(HOUSE).as_posix() for path in FILES if senders.search(path.read_text(encoding="utf-8"))}
    # What the system itself is asked is one file a platform, and only the one door may ask it.
    doors = {f"system/{platform}/grips.py" for platform in ("linux", "posix", "macos", "windows")}
    assert found <= doors
    users = {
        path.relative_to(HOUSE).as_posix() for path in FILES if any(name.endswith(".grips") for name in imports(path))
    }
    assert users - doors == {"system/signals.py"}


def test_only_one_room_reads_the_process_table_of_the_kernel() -> None:
    for path in FILES:
        if room(path) == "system":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
        documents = {ast.get_docstring(node, clean=False) for node in ast.walk(tree) if isinstance(node, documented)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in documents:
                assert not node.value.startswith("/proc/"), f"{path.relative_to(ROOT)}: {node.value!r}"


def test_our_folder_can_be_merged_with_the_package_of_the_same_name() -> None:
    assert (HOUSE / "__init__.py").read_bytes() == b""
    taken = {"__main__", "events", "version", "watchmedo", "observers", "tricks", "utils"}
    names = {path.stem for path in HOUSE.iterdir()}
    assert not names & taken


def test_no_room_has_a_name_that_says_nothing() -> None:
    empty = {"utils", "helpers", "core", "manager", "base", "common", "misc"}
    assert not [path for path in FILES if path.stem in empty]
    assert not {room(path) for path in FILES if path.parent != HOUSE} & empty


def test_every_package_is_named_in_the_setup() -> None:
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    for folder in sorted({path.parent for path in FILES}):
        name = ".".join(folder.relative_to(ROOT).parts)
        assert re.search(rf"^    {re.escape(name)}$", setup, re.MULTILINE), f"{name} is missing in setup.cfg"
