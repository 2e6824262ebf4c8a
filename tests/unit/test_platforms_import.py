"""On every system wd can at least be imported and asked for its help: seen in a child without the other parts.

This does not prove that anything works there. It keeps a module of one system from creeping into what all share.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.posix(
    "it takes names away, and Windows has not all of them: tests/windows imports every module"
)
FOLDERS = {"win32": ("windows", "portable"), "darwin": ("macos", "posix", "portable")}

# The libraries are imported first, as the system that this is. Then the names and modules go that the other lacks.
SURROUNDINGS = r"""
import builtins, importlib, os, pathlib, pkgutil, select, signal, socket, subprocess, sys, time, types
import asyncio, concurrent.futures, ctypes, getpass, http.client, logging.handlers, multiprocessing, shutil, sqlite3
import ssl, tempfile, webbrowser, xml.etree.ElementTree
import apscheduler.schedulers.background, click, click.shell_completion, cronsim, jinja2, loguru
import markdown_it
import platformdirs, psutil, pydantic, requests, rich.console, rich.live, rich.text, ruamel.yaml
try:
    import re2
except ImportError:
    pass

platform = sys.argv.pop(1)
missing_modules = {"win32": "pwd grp fcntl resource termios tty", "darwin": ""}[platform].split()
missing = {
    os: {
        "win32": "fork wait4 waitid geteuid getuid setsid getpgid killpg statvfs getloadavg pidfd_open sysconf "
                 "getgroups O_NOFOLLOW O_NONBLOCK O_CLOEXEC O_DIRECTORY O_PATH fchmod chown "
                 "set_blocking pread sched_getaffinity",
        "darwin": "pidfd_open O_PATH waitid sched_getaffinity",
    },
    signal: {
        "win32": "SIGKILL SIGSTOP SIGCONT SIGHUP SIGCHLD SIGALRM SIGPIPE pthread_sigmask setitimer alarm "
                 "pidfd_send_signal set_wakeup_fd",
        "darwin": "pidfd_send_signal",
    },
    select: {"win32": "poll epoll", "darwin": "epoll"},
    socket: {
        "win32": "AF_UNIX AF_NETLINK SOCK_CLOEXEC socketpair send_fds recv_fds",
        "darwin": "AF_NETLINK SOCK_CLOEXEC",
    },
    time: {"win32": "CLOCK_BOOTTIME clock_gettime", "darwin": "CLOCK_BOOTTIME"},
}
for module, names in missing.items():
    for name in names[platform].split():
        module.__dict__.pop(name, None)
import_before = builtins.__import__
def import_there(name, globals=None, locals=None, fromlist=(), level=0):
    ours = str((globals or {}).get("__name__", "")).startswith("watchdog.")  # Python's own modules may need them here
    if ours and name in missing_modules:
        raise ModuleNotFoundError(f"No module named {name!r}")
    return import_before(name, globals, locals, fromlist, level)
builtins.__import__ = import_there
sys.platform = platform
if platform == "win32":  # what Windows has and Linux lacks
    class Function:
        def __call__(self, *words):
            return 0
    class Library:
        def __init__(self, *words, **more):
            self.functions = {}
        def __getattr__(self, name):
            return self.functions.setdefault(name, Function())
    ctypes.WinDLL, ctypes.WinError, ctypes.get_last_error = Library, OSError, lambda: 0
    sys.modules["msvcrt"] = types.ModuleType("msvcrt")
    os.O_BINARY = os.O_NOINHERIT = 0
    signal.SIGBREAK = signal.SIGTERM
    subprocess.CREATE_NO_WINDOW = subprocess.CREATE_NEW_PROCESS_GROUP = 0
    subprocess.DETACHED_PROCESS = subprocess.CREATE_BREAKAWAY_FROM_JOB = 0
"""

EVERY_MODULE = r"""
import watchdog
folders = sys.argv[1].split(",")
others = {"linux", "macos", "posix", "portable", "windows"} - set(folders)
count = 0
for found in pkgutil.walk_packages(watchdog.__path__, "watchdog."):
    parts = found.name.split(".")
    if parts[1] == "system" and len(parts) > 2 and parts[2] in others:
        continue
    if found.name in ("watchdog.library.request_guard", "watchdog.cli.demo_shop", "watchdog.leak.runner"):
        continue  # run in other programs
    if found.name == "watchdog.system.pretended":
        continue  # changes what the system is
    importlib.import_module(found.name)
    count += 1
print(count)
"""

A_COMMAND = "from watchdog.cli.main import main\nsys.argv[0] = 'wd'\nsys.exit(main())\n"


def there(platform: str, code: str, *words: str, home: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", "USERNAME": "ada"}
    return subprocess.run(
        [sys.executable, "-c", SURROUNDINGS + code, platform, *words],
        env=env, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("platform", FOLDERS)
def test_every_module_can_be_imported(platform: str, tmp_path: Path) -> None:
    done = there(platform, EVERY_MODULE, ",".join(FOLDERS[platform]), home=tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 300


SIMPLEST = [
    *((platform, (word,)) for platform in FOLDERS for word in ("--help", "--version")),
    ("darwin", ("validate",)),
]


@pytest.mark.parametrize(("platform", "words"), SIMPLEST, ids=str)  # what reads a file asks Windows for its access list
def test_the_simplest_commands_answer(platform: str, words: tuple[str, ...], tmp_path: Path) -> None:
    home = tmp_path / "home"
    for name in ("playbooks", "runbooks", "logs"):
        (home / name).mkdir(parents=True)
    (home / "playbooks" / "shop.yml").write_text(
        "service: shop\nfind: {port: 8000}\nprobes: {health: {http: /health, every: 5s}}\n"
    )
    done = there(platform, A_COMMAND, *(("--home", str(home)) if words == ("validate",) else ()), *words, home=tmp_path)
    assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-3000:])
    assert done.stdout.strip()
    assert "Traceback" not in done.stderr
