"""What differs between systems lies in the platform folders of system/, and nothing else knows which system it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

ROOT = Path(__file__).parents[2]
HOUSE = ROOT / "watchdog"
SYSTEM = HOUSE / "system"
PLATFORMS = ("linux", "macos", "windows", "posix", "portable")
FILES = sorted(path for path in HOUSE.rglob("*.py") if "__pycache__" not in path.parts)
# Run in the guarded server, and on another machine: they import nothing of ours.
WRITTEN_FOR_OTHERS = (HOUSE / "library" / "request_guard.py", SYSTEM / "host" / "arrival.py")
NAMES_THE_SYSTEM = SYSTEM / "here.py"
PRETENDS_ANOTHER = SYSTEM / "pretended.py"  # for tests on Linux

_HIDDEN_MODULES = {"pwd", "grp", "fcntl", "resource", "termios", "tty", "msvcrt", "winreg"}
_HIDDEN_NAMES = {
    ("sys", "platform"), ("os", "name"), ("platform", "system"), ("os", "fork"), ("os", "geteuid"), ("os", "getuid"),
    ("os", "setsid"), ("os", "wait4"), ("os", "waitid"), ("select", "poll"), ("os", "getpgid"), ("os", "statvfs"),
    *(("signal", f"SIG{name}") for name in ("KILL", "STOP", "CONT", "HUP", "CHLD", "ALRM", "PIPE")),
}  # fmt: skip


def platform_of(path: Path) -> str:
    """The platform folder that a file lies in; empty for all others."""
    parts = path.relative_to(HOUSE).parts
    return parts[1] if parts[0] == "system" and len(parts) > 2 and parts[1] in PLATFORMS else ""


def words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, what only one system has), docstrings and the choice of a door left out."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    skipped = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for choice in door_choices(tree):
        skipped |= {id(inner) for inner in ast.walk(choice)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in _HIDDEN_NAMES or "pidfd" in node.attr:
                yield node.lineno, f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, one.name) for one in node.names if one.name in _HIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom):
            if node.module in _HIDDEN_MODULES:
                yield node.lineno, str(node.module)
            for one in node.names:
                if (node.module, one.name) in _HIDDEN_NAMES:
                    yield node.lineno, f"{node.module}.{one.name}"
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "/proc" in f"/{node.value}":
            if node.value.startswith("/proc"):
                yield node.lineno, node.value
        elif isinstance(node, ast.Name) and "pidfd" in node.id:
            yield node.lineno, node.id


def door_choices(tree: ast.Module) -> Iterator[ast.If]:
    """`if sys.platform == …:` at the top of a door, with nothing but imports from the platform folders in it."""
    for node in tree.body:
        if isinstance(node, ast.If) and "sys.platform" in ast.unparse(node.test):
            inside = [
                one
                for one in ast.walk(node)
                if isinstance(one, ast.stmt) and not isinstance(one, ast.If | ast.ImportFrom)
            ]
            modules = [str(one.module) for one in ast.walk(node) if isinstance(one, ast.ImportFrom)]
            if not inside and all(module.split(".")[:2] == ["watchdog", "system"] for module in modules):
                yield node


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOUSE)))
def test_only_the_platform_folders_know_a_system(path: Path) -> None:
    if platform_of(path) or path in (*WRITTEN_FOR_OTHERS, NAMES_THE_SYSTEM, PRETENDS_ANOTHER):
        return
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not list(words(tree))
    assert path.is_relative_to(SYSTEM) or not list(door_choices(tree)), "a door stands in system/"


def test_what_only_one_system_has_would_be_seen() -> None:
    text = """
"/proc is fine in a docstring"
import os, sys, pwd
from signal import SIGKILL
if sys.platform == "linux":
    from watchdog.system.linux import grips
if sys.platform == "linux":
    x = 1
def f(pidfd):
    '''/proc/1 is fine here, too'''
    os.fork(), open("/proc/1/stat"), pidfd
"""
    found = {what for _, what in words(ast.parse(text))}
    assert found == {"pwd", "signal.SIGKILL", "sys.platform", "os.fork", "/proc/1/stat", "pidfd"}


def test_no_room_above_system_imports_a_platform() -> None:
    wrong = []
    for path in FILES:
        if path.is_relative_to(SYSTEM):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                parts = node.module.split(".")
                named = {parts[2]} if len(parts) > 2 else {one.name for one in node.names}
                if parts[:2] == ["watchdog", "system"] and named & set(PLATFORMS):
                    wrong.append(f"{path.relative_to(ROOT)}: {node.module}")
    assert not wrong


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_platform_imports_no_other_one(platform: str) -> None:
    """But for what they share: posix/ and portable/."""
    allowed = {platform, "posix", "portable"} if platform not in ("posix", "portable") else {platform}
    wrong = []
    for path in (SYSTEM / platform).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("watchdog.system"):
                parts = str(node.module).split(".")
                named = {parts[2]} if len(parts) > 2 else {one.name for one in node.names}
                if named & set(PLATFORMS) - allowed:
                    wrong.append(f"{path.name}: {node.module}")
    assert not wrong
