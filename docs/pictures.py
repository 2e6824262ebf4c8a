"""Takes the pictures of docs/pictures/: each page of `wd web`, light, dark and on a phone: python docs/pictures.py

They are those of the browser test: a real home with three services, of which one hung and was brought back. It needs
Playwright and chromium.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = Path(__file__).with_name("pictures")
TEST = "tests/live/test_web_browser.py::test_every_page_can_be_read_by_everybody_on_every_screen"


def main() -> int:
    """Give the exit code of the test."""
    OUT.mkdir(exist_ok=True)
    words = [sys.executable, "-m", "pytest", "-q", "-rs", TEST]
    return subprocess.run(words, cwd=ROOT, env={**os.environ, "WD_PICTURES": str(OUT)}, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
