"""The doors to cron, systemd, the Task Scheduler and launchd. What stands in them is made elsewhere."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from watchdog.model.errors import CannotTell, Failed
from watchdog.system.child import commands
from watchdog.system.disk import files
from watchdog.system.host import accounts

if sys.platform == "win32":
    from watchdog.system.windows.task_scheduler import USUAL, create_task, delete_task, read_task
else:
    from watchdog.system.portable.no_task_scheduler import USUAL, create_task, delete_task, read_task

if sys.platform == "darwin":
    from watchdog.system.macos.launchd import put_agent, read_agent, take_agent
else:
    from watchdog.system.portable.no_launchd import put_agent, read_agent, take_agent

__all__ = [
    "USUAL",
    "create_task",
    "delete_task",
    "lingers",
    "put_agent",
    "read_agent",
    "read_crontab",
    "read_task",
    "read_unit",
    "systemctl",
    "systemd_runs",
    "take_agent",
    "unit_folder",
    "write_crontab",
    "write_units",
]

_LIMIT = 30.0  # seconds for one command of the system


def read_crontab() -> str:
    """The caller's crontab, bytes that are not text included; empty if there is none. CannotTell without cron."""
    code, output, error = _crontab("-l")
    if code == 0:
        # Debian's crontab shows no header lines any more; others put three of them on top, which it would add again.
        return output
    if "no crontab" in error.lower():
        return ""
    raise CannotTell("the crontab cannot be read", error, "use --as systemd, or ask who runs this machine")


def write_crontab(text: str) -> None:
    """Failed if cron does not take it; then the old one stands. An empty one is taken away."""
    code, _, error = _crontab("-", text if text.endswith("\n") else text + "\n") if text else _crontab("-r")
    if code != 0:
        raise Failed("cron did not take the crontab; the old one stands", error)


def _crontab(word: str, text: str = "") -> tuple[int, str, str]:
    """How it ended, what it printed, and why in one line. CannotTell if there is none, or if it does not end.

    Not through `commands.run`, which is for reading: what comes out here goes back in, so it must be whole, to the last
    byte, and no warning on standard error may get among the lines.
    """
    env = {**commands.our_environment(), "LC_ALL": "C"}  # its words are compared
    with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as wrong:
        source.write(text.encode("utf-8", "surrogateescape"))
        source.seek(0)
        try:
            done = subprocess.run(
                ["crontab", word], stdin=source, stdout=out, stderr=wrong, timeout=_LIMIT, env=env, check=False
            )
        except FileNotFoundError:
            raise CannotTell("there is no crontab command here", todo="install cron, or use --as systemd") from None
        except OSError as error:
            raise CannotTell("crontab cannot be run", error.strerror or str(error)) from None
        except subprocess.TimeoutExpired:
            raise CannotTell("crontab does not answer", f"it was ended after {_LIMIT:g} s") from None
        out.seek(0)
        wrong.seek(0)
        said = " ".join(wrong.read(2000).decode("utf-8", "backslashreplace").split())
        why = said or f"crontab {word} ended with {done.returncode}"
        return done.returncode, out.read().decode("utf-8", "surrogateescape"), why


def unit_folder(user: bool) -> Path:
    """Where systemd looks for units that an administrator, or a user, wrote."""
    if not user:
        return Path("/etc/systemd/system")
    base = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".config") / "systemd" / "user"


def write_units(folder: Path, units: Mapping[str, str]) -> None:
    """Each complete or absent. Failed if the folder does not take them."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in units.items():
            files.write_atomic(folder / name, text, mode=0o644)
    except OSError as error:
        raise Failed(f"the units cannot be written to {folder}", error.strerror or str(error)) from None


def read_unit(path: Path) -> str:
    """Empty if there is none."""
    with contextlib.suppress(OSError):
        return path.read_text("utf-8", "replace")
    return ""


def systemctl(*words: str, user: bool) -> str:
    """Why it did not work; empty if it did."""
    done = commands.run(["systemctl", *(["--user"] if user else []), *words], timeout=_LIMIT)
    if done.timed_out:
        return f"systemctl {words[0]} did not end within {_LIMIT:g} s"
    return "" if done.ok else done.error or done.output.strip() or f"systemctl ended with {done.code}"


def lingers() -> bool:
    """Whether units of this user run while nobody of that name is logged in."""
    return (Path("/var/lib/systemd/linger") / accounts.our_name()).exists()


def systemd_runs() -> bool:
    return Path("/run/systemd/system").is_dir()
