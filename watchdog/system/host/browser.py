"""Shows a file in the person's browser, where there is a screen to show it on."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from watchdog.system import here

_WITHIN = 5.0  # seconds; a browser that runs in the foreground stays open longer, and is left alone


def show_file(path: Path) -> bool:
    """Whether a browser was started. On Linux without a display none is: it would take over the terminal."""
    if here.NAME == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    import webbrowser  # here: only this command needs it

    answers: list[bool] = []
    thread = threading.Thread(target=lambda: answers.append(webbrowser.open(path.as_uri())), daemon=True)
    thread.start()
    thread.join(_WITHIN)
    return answers[0] if answers else thread.is_alive()
