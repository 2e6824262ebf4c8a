"""A real systemd that keeps the server: it is asked, and only its own main process is ended through it."""

from __future__ import annotations

from pathlib import Path

import pytest
from homes import WD
from managers import holder, server_command
from support import connects, free_port, wait_for
from systemd_room import Room, room

from watchdog.system.process import processes

UNIT = "[Service]\nExecStart={command}\nRestart=always\n"


def unit(inside: Room, folder: Path, name: str, command: str) -> None:
    (folder / name).write_text(UNIT.format(command=command))
    assert inside.run("cp", str(folder / name), f"/etc/systemd/system/{name}").returncode == 0
    assert inside.run("systemctl", "daemon-reload").returncode == 0
    assert inside.run("systemctl", "start", name).returncode == 0


def kill(inside: Room, folder: Path, port: int) -> tuple[int, str]:
    home = folder / "wd-home"
    for name in ("playbooks", "runbooks", "logs"):
        (home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    done = inside.run(*WD, "--home", str(home), "kill", "--port", str(port), "--yes", "--no-evidence")
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def parent_name(port: int) -> str:
    """The program above the server on that port."""
    server = processes.read(holder(port))
    parent = processes.read(server.parent) if server else None
    return parent.name if parent else ""


@pytest.mark.root
@pytest.mark.timeout(400)
def test_the_unit_of_the_server_is_stopped_and_no_other(folder: Path) -> None:
    first, second, beside = free_port(), free_port(), free_port()
    with room() as inside, inside.manager(folder / "systemd.txt"):
        unit(inside, folder, "shop.service", server_command(first))
        unit(inside, folder, "blog.service", f"/bin/sh -c '{server_command(second)}'")
        # A server that a job of this unit has left behind: the unit is cron's, or sshd's, and not the server's.
        left = f"setsid sh -c 'setsid {server_command(beside)} & sleep 1'"
        unit(inside, folder, "jobs.service", f'/bin/sh -c "{left}; exec sleep 600"')
        wait_for(lambda: connects(first) and connects(second) and connects(beside), "all listen")
        wait_for(lambda: parent_name(beside) == "systemd", "the shell that started the server of the job has ended")
        code, text = kill(inside, folder, beside)
        assert code == 0, text
        assert not connects(beside)
        assert inside.run("systemctl", "is-active", "jobs.service").stdout == "active\n"
        before = holder(second)
        code, text = kill(inside, folder, first)
        assert code == 0, text
        assert "systemctl stop shop.service" in text
        assert inside.run("systemctl", "is-active", "shop.service").stdout == "inactive\n"
        assert holder(second) == before
        code, text = kill(inside, folder, second)
        assert code == 0, text
        assert inside.run("systemctl", "is-active", "blog.service").stdout == "inactive\n"
