"""The doors to cron, systemd and the Task Scheduler. What stands in them is made elsewhere."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from watchdog.model.errors import CannotTell, Failed
from watchdog.system import commands, files

_LIMIT = 30.0  # seconds for one command of the system


def read_crontab() -> str:
    """The caller's crontab; empty if there is none. CannotTell without cron."""
    done = commands.run(["crontab", "-l"], timeout=_LIMIT)
    if done.error:
        raise CannotTell("the crontab cannot be read", done.error, "install cron, or use --as systemd")
    if done.code == 0:
        # Debian's crontab shows no header lines any more; others put three of them on top, which it would add again.
        return done.output
    if "no crontab" in done.output.lower():
        return ""
    raise CannotTell("the crontab cannot be read", done.output.strip() or f"crontab -l ended with {done.code}")


def write_crontab(text: str) -> None:
    """Failed if cron does not take it; then the old one stands."""
    done = commands.run(["crontab", "-"], timeout=_LIMIT, stdin=text)
    if not done.ok:
        raise Failed("cron did not take the crontab", done.error or done.output.strip())


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
    return "" if done.ok else done.error or done.output.strip() or f"systemctl ended with {done.code}"


def systemd_runs() -> bool:
    return Path("/run/systemd/system").is_dir()


def create_task(name: str, xml: str) -> None:
    """Windows only. Failed if the Task Scheduler does not take it."""
    _windows_only()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.xml"
        path.write_bytes(b"\xff\xfe" + xml.encode("utf-16-le"))  # schtasks believes the header, and it says UTF-16
        done = commands.run(["schtasks", "/Create", "/TN", name, "/XML", str(path), "/F"], timeout=_LIMIT)
    if not done.ok:
        raise Failed("the Task Scheduler did not take the task", done.error or done.output.strip())


def read_task(name: str) -> str:
    """Its XML; empty if there is none."""
    _windows_only()
    done = commands.run(["schtasks", "/Query", "/TN", name, "/XML"], timeout=_LIMIT)
    return done.output if done.ok else ""


def delete_task(name: str) -> None:
    _windows_only()
    done = commands.run(["schtasks", "/Delete", "/TN", name, "/F"], timeout=_LIMIT)
    if not done.ok:
        raise Failed("the task was not removed", done.error or done.output.strip())


def _windows_only() -> None:
    if sys.platform != "win32":
        raise CannotTell(
            "there is no Task Scheduler on this system",
            todo="--dry-run prints the XML; import it on the Windows machine: schtasks /Create /XML FILE /TN NAME",
        )
