"""Makes docs/screens/ from real runs in a terminal of each width, with and without colour: python docs/screens.py"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = Path(__file__).with_name("screens")
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
WIDTHS = (60, 80, 200)
SCREENS = (
    ("the first page", ("--help",)),
    ("the page of a command", ("kill", "--help")),
    ("every service", ("status",)),
    ("one service", ("status", "shop")),
    ("the server of a port", ("find", ":PORT")),
    ("why it hangs", ("why", "shop", "--within", "5s")),
    ("the plan of a kill", ("kill", "shop", "--dry-run")),
    ("an invalid command", ("top",)),
    ("a service that is not there", ("start", "shp")),
    ("nothing matched", ("kill", ":1")),
    ("a refusal", ("start", "shop")),
    ("past troubles", ("incidents", "list")),
    ("a report", ("incidents", "show")),
)


def in_terminal(words: list[str], width: int, colour: bool, limit: float = 90.0) -> str:
    """What a terminal of that width receives from one command."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    env = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    env |= {"TERM": "xterm-256color", "PYTHONPATH": str(ROOT), **({} if colour else {"NO_COLOR": "1"})}
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=env, cwd="/") as process:
        os.close(theirs)
        received, end = bytearray(), time.monotonic() + limit
        while time.monotonic() < end and select.select([ours], [], [], end - time.monotonic())[0]:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # the terminal is closed: it has ended
                break
            received += piece
        process.wait(10)
    os.close(ours)
    return received.decode("utf-8", "replace").replace("\r\n", "\n")


def without_what_differs(text: str, home: Path, port: int) -> str:
    """The same from run to run, as far as that can be had."""
    for found, word in ((str(home), "/srv/oncall"), (sys.executable, "python3"), (str(port), "8000")):
        text = text.replace(found, word)
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


def main() -> None:
    """One file for each width, with and without colour."""
    from homes import WD, shop_in

    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wd-screens-") as folder, shop_in(Path(folder)) as shop:
        with shop.server(hung=True):
            assert shop.wd("run", "short", "--service", "shop", "--yes").code == 0
        shop.hang()
        for width in WIDTHS:
            for colour in (False, True):
                parts = []
                for title, words in SCREENS:
                    typed = [word.replace("PORT", str(shop.port)) for word in words]
                    text = in_terminal([*WD, "--home", folder, *typed], width, colour)
                    shown = without_what_differs(text, Path(folder), shop.port)
                    line = f"$ wd {' '.join(words).replace('PORT', '8000')}"
                    parts.append(f"# {title}\n{line}\n{shown.rstrip()}\n")
                name = f"{width}-columns{'-colour' if colour else ''}.txt"
                (OUT / name).write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
