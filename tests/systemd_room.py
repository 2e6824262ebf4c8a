"""A real systemd in a room of its own, on a machine that was not booted with one.

It is a user's manager, since the system's must be process 1; the units are read and their processes kept and ended by
the same code. It sees a /run, an /etc/systemd/system and a control group of its own, and no process but those that it
started. `systemctl` in the room asks it, whoever calls.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from rooms import room_of_its_own
from support import wait_for

MANAGER = Path("/lib/systemd/systemd")
FURNISH = """
for group in "$@"; do echo $$ >"$group/cgroup.procs" || exit 1; done
mount --make-rprivate / && mount -t tmpfs -o mode=755 tmpfs /run && mount -t tmpfs -o mode=755 tmpfs /etc/systemd &&
mkdir -p /run/systemd/system /etc/systemd/system /run/bin && mkdir -m 700 /run/user &&
printf '#!/bin/sh\\nexec /usr/bin/systemctl --user "$@"\\n' >/run/bin/systemctl && chmod 755 /run/bin/systemctl &&
echo ready && exec cat
"""
SURROUNDINGS = {
    "XDG_RUNTIME_DIR": "/run/user",
    "XDG_CONFIG_HOME": "/run/user/config",
    "SYSTEMD_UNIT_PATH": "/etc/systemd/system:",  # and, after it, where the manager's own targets lie
    "HOME": "/root",
    "LANG": "C.UTF-8",
}


def why_not() -> str:
    if Path("/run/systemd/system").is_dir():
        return "this machine has a systemd of its own, and its control groups are not ours"
    for name in ("systemctl", "unshare", "nsenter"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    if not MANAGER.exists():
        return f"there is no {MANAGER}"
    tried = subprocess.run(["unshare", "--mount", "true"], capture_output=True, text=True, check=False)
    return f"a mount namespace cannot be had here: {tried.stderr.strip()}" if tried.returncode else ""


@contextlib.contextmanager
def groups() -> Iterator[list[Path]]:
    """A control group of our own in every hierarchy that systemd uses, below ours; taken away at the end."""
    base, made = Path("/sys/fs/cgroup"), []
    tops = [base] if (base / "cgroup.procs").exists() else [base / "systemd", base / "unified"]
    name = f"wd-test-{os.getpid()}-{time.monotonic_ns()}"  # one for all: systemd goes by its path in one of them
    try:
        for top in tops:
            if (top / "cgroup.procs").exists():
                made.append(top / name)
                _make(made[-1])
        if not made:
            pytest.skip("there are no control groups here")
        yield made
    finally:
        for group in made:
            wait_for(lambda group=group: _gone(group), f"{group} is empty", 60)


def _make(group: Path) -> None:
    try:
        group.mkdir()
    except OSError as error:
        pytest.skip(f"control groups cannot be made here: {error}")


def _gone(group: Path) -> bool:
    with contextlib.suppress(OSError):
        for folder, _, _ in os.walk(group, topdown=False):
            Path(folder).rmdir()
    return not group.exists()


class Room:
    def __init__(self, holder: subprocess.Popen[str], made: list[Path]) -> None:
        self.groups = made
        self._enter = ("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "--wd=/")
        self._env = {**SURROUNDINGS, "PATH": f"/run/bin:{os.environ['PATH']}"}

    def run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        words = [*self._enter, *argv]
        return subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110, env=self._env, check=False
        )

    @contextlib.contextmanager
    def manager(self, log: Path) -> Iterator[None]:
        # The shell goes into the room's control groups first: systemd takes the one it is born in for its own.
        enter = 'for group in $0; do echo $$ >"$group/cgroup.procs" || exit 1; done; exec "$@"'
        words = ["sh", "-c", enter, " ".join(map(str, self.groups)), *self._enter, str(MANAGER), "--user"]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*words, "--log-target=console"], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self._env,
                start_new_session=True,
            )  # fmt: skip
        try:
            try:
                wait_for(lambda: self.run("systemctl", "is-system-running").stdout == "running\n", "systemd runs", 60)
            except AssertionError:
                pytest.skip(f"no systemd comes up in a room of its own here: {log.read_text()[-300:]}")
            yield
        finally:
            process.terminate()
            process.wait(100)


@contextlib.contextmanager
def room() -> Iterator[Room]:
    """Skips the test, with the reason, where there can be none."""
    if missing := why_not():
        pytest.skip(missing)
    with groups() as made, room_of_its_own(FURNISH, *map(str, made)) as holder:
        yield Room(holder, made)
