"""Takes the pictures of docs/pictures/: each page of `wd web`, light, dark and on a phone: python docs/pictures.py

They are those of the browser tests: a real home with three services, of which one hung and was brought back, and the
hosts of a shared store. It needs Playwright, chromium and PostgreSQL.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = Path(__file__).with_name("pictures")
TESTS = (
    "tests/live/test_web_browser.py::test_every_page_can_be_read_by_everybody_on_every_screen",
    "tests/live/test_web_fleet.py::test_the_page_of_all_hosts_can_be_read_by_everybody_on_every_screen",
)


def main() -> int:
    """Give the exit code of the test."""
    OUT.mkdir(exist_ok=True)
    words = [sys.executable, "-m", "pytest", "-q", "-rs", *TESTS]
    return subprocess.run(words, cwd=ROOT, env={**os.environ, "WD_PICTURES": str(OUT)}, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
