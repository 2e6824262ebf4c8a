"""Makes docs/demo.svg from a real run of `wd demo`: python docs/picture.py"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

OUT = Path(__file__).with_name("demo.svg")
STYLES = ((r"^\$ .*", "bold cyan"), (r"^\d\. .*", "bold"), (r"✓", "green"), (r"✗", "red"), (r"\bhung\b", "red"))


def transcript() -> list[str]:
    """What a person sees, with the folder's name shortened."""
    words = [sys.executable, "-m", "watchdog.cli.main", "demo"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300, check=True)
    text = re.sub(rf"{re.escape(tempfile.gettempdir())}/wd-demo-\w+", "/tmp/wd-demo", done.stdout)
    text = text.replace(str(Path(__file__).parents[1]), "…").replace(sys.executable, "python")
    lines = [line[:130] for line in text.splitlines() if not line.startswith("  … ") and not _of_others(line)]
    return lines[: lines.index("…")] if "…" in lines else lines


def _of_others(line: str) -> bool:
    """A row of `wd ps` about another server of this machine."""
    return bool(re.match(r"\d+ +\d+ +hung", line)) and "demo_shop" not in line


def main() -> None:
    console = Console(record=True, width=min(132, shutil.get_terminal_size((132, 24)).columns), file=io.StringIO())
    for line in transcript():
        shown = Text(line)
        for pattern, style in STYLES:
            shown.highlight_regex(pattern, style)
        console.print(shown, no_wrap=True, overflow="ellipsis")
    console.save_svg(str(OUT), title="wd demo")


if __name__ == "__main__":
    main()
