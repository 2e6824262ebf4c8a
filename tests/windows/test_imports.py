"""Every module imports on Windows, those of the web page and the shared store too."""

from __future__ import annotations

import subprocess
import sys

import pytest

if sys.platform != "win32":
    pytest.skip("these are for Windows: sh tests/windows.sh runs them", allow_module_level=True)

EVERY_MODULE = """
import importlib, pkgutil, watchdog
elsewhere = ("watchdog.system.linux", "watchdog.system.macos", "watchdog.system.posix")  # of other systems
for_others = (  # runs in another program, or changes which system this is
    "watchdog.library.request_guard", "watchdog.cli.demo_shop", "watchdog.leak.runner", "watchdog.system.pretended",
)
count = 0
for found in pkgutil.walk_packages(watchdog.__path__, "watchdog."):
    if not found.name.startswith((*elsewhere, *for_others, "watchdog.fleet.collection.")):
        importlib.import_module(found.name)
        count += 1
print(count)
"""


def test_every_module_can_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERY_MODULE], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) > 500
