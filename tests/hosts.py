"""Hosts to be reached over ssh: real sshd on loopback, each with a host key, a user key and a HOME of its own."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import WD, Done, Shop, surroundings
from support import alive, connects, free_port, wait_for

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
ANSIBLE = Path(sys.executable).with_name("ansible-inventory")
needed = pytest.mark.skipif(not SSHD or not ANSIBLE.is_file(), reason="needs sshd and ansible-core")


class SshHost:
    """One sshd, and where the account that logs in there lives."""

    def __init__(
        self, name: str, folder: Path, *, path: str = "", command: str = "", address: str = "127.0.0.1"
    ) -> None:
        self.name, self.folder, self.port, self.address = name, folder, free_port(), address
        self.home = folder / "home"
        self.home.mkdir(parents=True)
        for key in ("host_key", "user_key"):
            words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / key)]
            subprocess.run(words, check=True, timeout=60)
        (folder / "keys").write_bytes((folder / "user_key.pub").read_bytes())
        (folder / "known").write_text(f"[{address}]:{self.port} {(folder / 'host_key.pub').read_text()}")
        path = path or f"{Path(sys.executable).parent}:/usr/bin:/bin"
        lines = [
            f"ListenAddress {address}:{self.port}", f"HostKey {folder}/host_key", f"AuthorizedKeysFile {folder}/keys",
            "UsePAM no", "StrictModes no", "PasswordAuthentication no", "PidFile none", "MaxStartups 100",
            "Subsystem sftp internal-sftp",
            f"SetEnv HOME={self.home} PATH={path} PYTHONPATH={Path(__file__).parents[1]}",
            *([f"ForceCommand {command}"] if command else []),
        ]  # fmt: skip
        (folder / "sshd_config").write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        assert SSHD
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [SSHD, "-D", "-e", "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=surroundings(),
            )  # fmt: skip
        wait_for(lambda: connects(self.port, self.address), f"the sshd of {self.name} listens")

    def sessions(self) -> list[int]:
        """The processes of sshd that hold a link."""
        assert self.process
        found, waiting = [], [self.process.pid]
        while waiting:
            above = waiting.pop()
            for pid in _children(above):
                if b"sshd" in _words(pid)[:1][0][:8]:
                    found.append(pid)
                    waiting.append(pid)
        return found

    def cut(self) -> None:
        """Break every link; what runs there is not touched."""
        for pid in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        if self.process is not None:
            self.cut()
            self.process.kill()
            self.process.wait(10)
            self.process = None

    def variables(self, **more: object) -> dict[str, object]:
        """For an inventory."""
        return {
            "ansible_host": self.address,
            "ansible_port": self.port,
            "ansible_user": getpass.getuser(),
            "ansible_ssh_private_key_file": str(self.folder / "user_key"),
            "ansible_ssh_common_args": f"-o UserKnownHostsFile={self.folder}/known -o IdentitiesOnly=yes -F none",
            "ansible_timeout": 5,
            **more,
        }


class Fleet:
    """Some hosts, their inventory, and `wd` of the controller with a state folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.hosts = folder, dict[str, SshHost]()
        self.shops: dict[str, Shop] = {}
        self.inventory = folder / "hosts.yml"
        self._rows: dict[str, dict[str, object]] = {}
        self.home = folder / "controller"
        for part in ("playbooks", "runbooks", "logs"):
            (self.home / part).mkdir(0o700, parents=True)
        self.home.chmod(0o700)

    def host(self, name: str, *, path: str = "", command: str = "", **variables: object) -> SshHost:
        made = self.hosts[name] = self.make_host(name, path=path, command=command)
        made.begin()
        self.row(name, **made.variables(**variables))
        return made

    def make_host(self, name: str, *, path: str, command: str) -> SshHost:
        return SshHost(name, self.folder / name, path=path, command=command)

    def row(self, name: str, **variables: object) -> None:
        """A line of the inventory."""
        import json

        self._rows[name] = variables
        self.inventory.write_text(json.dumps({"all": {"children": {"web": {"hosts": self._rows}}}}))

    def argv(self, *words: str) -> list[str]:
        where = [] if words[0] == "resume" else ["-i", str(self.inventory)]
        return [*WD, "--home", str(self.home), "fleet", words[0], *where, *words[1:]]

    def wd(self, *words: str, limit: float = 110.0, env: dict[str, str] | None = None) -> Done:
        """`wd fleet WORDS`, to its end."""
        done = subprocess.run(
            self.argv(*words), cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=limit, env=surroundings(**(env or {})), check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        assert "defect" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def shop(self, name: str, *, path: str = "") -> Shop:
        """A host with a home and the service `shop`, which the test starts."""
        folder = self.folder / f"{name}-home"
        folder.mkdir(0o700)
        made = self.shops[name] = Shop(folder)
        self.host(name, path=path, wd_home=str(folder))
        return made

    def output(self, name: str, run: str) -> str:
        """What the run on this host has printed so far."""
        try:
            return (self.shops[name].folder / "logs" / "fleet" / run / "output.txt").read_text()
        except FileNotFoundError:
            return ""

    def begin(self, *words: str) -> subprocess.Popen[str]:
        """`wd fleet WORDS`, under way."""
        return subprocess.Popen(
            self.argv(*words), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=surroundings(), start_new_session=True,
        )  # fmt: skip

    def end(self) -> None:
        """The hosts first: then no run begins any more. A run that goes on is waited for."""
        for host in self.hosts.values():
            host.end()
        for shop in self.shops.values():
            wait_for(
                lambda shop=shop: not processes_with(bytes(shop.folder / "logs" / "fleet")),
                "the runs on the hosts end",
                60,
            )
            shop.end_all()


@contextlib.contextmanager
def fleet_in(folder: Path) -> Iterator[Fleet]:
    """Every sshd is ended afterwards, with all of its links."""
    made = Fleet(folder)
    try:
        yield made
    finally:
        made.end()


def bare_path(folder: Path) -> str:
    """A PATH with a Python and a shell, and without wd."""
    folder.mkdir(exist_ok=True)
    (folder / "python3.11").symlink_to(Path(sys.base_prefix) / "bin" / "python3.11")
    return f"{folder}:/bin"


def processes_with(mark: bytes) -> list[int]:
    """Those that have a word with this beginning in their command line."""
    pids = [int(folder.name) for folder in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if any(word.startswith(mark) for word in _words(pid))]


def _children(pid: int) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") if alive(pid) else [b""]
    except OSError:
        return [b""]
