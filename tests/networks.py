"""Hosts in network namespaces: each has an address and a cable of its own, which a test can pull.

The controller has a namespace too, so nothing here touches the machine's own network. A namespace lives as long as the
process that holds it, which ends with the test.
"""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from hosts import Fleet, SshHost
from support import wait_for

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_LIBC = ctypes.CDLL(None, use_errno=True)


def why_not() -> str:
    """What is missing for a network namespace; empty if nothing is."""
    for name in ("ip", "unshare"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, text=True, check=False)
    return f"a network namespace cannot be had here: {tried.stderr.strip()}" if tried.returncode else ""


class Network:
    """One namespace. What is started inside belongs to it."""

    def __init__(self) -> None:
        self.holder = subprocess.Popen(
            ["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.path = Path(f"/proc/{self.holder.pid}/ns/net")
        own = Path("/proc/self/ns/net").readlink()
        wait_for(lambda: self.path.readlink() != own, "the namespace is there")
        self.ip("link", "set", "lo", "up")

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """For this thread, and for the threads and processes that it starts."""
        with Path("/proc/thread-self/ns/net").open() as before, self.path.open() as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def ip(self, *words: str) -> None:
        with self.inside():
            subprocess.run(["ip", *words], check=True, timeout=30)

    def end(self) -> None:
        self.holder.communicate(timeout=30)


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


class CableHost(SshHost):
    """One sshd behind a cable."""

    def __init__(self, name: str, folder: Path, number: int, controller: Network) -> None:
        self.network, self._controller, self._port = Network(), controller, f"cable{number}"
        super().__init__(name, folder, address=f"10.9.{number}.2")
        controller.ip(
            "link", "add", self._port, "type", "veth", "peer", "name", "cable", "netns", str(self.network.holder.pid)
        )
        controller.ip("address", "add", f"10.9.{number}.1/24", "dev", self._port)
        self.network.ip("address", "add", f"{self.address}/24", "dev", "cable")
        self.network.ip("link", "set", "cable", "up")
        self.plug()

    def begin(self) -> None:
        with self.network.inside():
            super().begin()

    def unplug(self) -> None:
        """Neither side hears why nothing comes any more."""
        self._controller.ip("link", "set", self._port, "down")

    def plug(self) -> None:
        self._controller.ip("link", "set", self._port, "up")

    def variables(self, **more: object) -> dict[str, object]:
        """`ssh` notices within three seconds that the cable is out; wd's own value is 15."""
        found = super().variables(**more)
        quick = "-o ServerAliveInterval=1 -o ServerAliveCountMax=3"
        return {**found, "ansible_ssh_common_args": f"{found['ansible_ssh_common_args']} {quick}", "ansible_timeout": 3}

    def end(self) -> None:
        super().end()
        self.network.end()


class CableFleet(Fleet):
    """The test works inside the controller's namespace."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.controller = Network()

    def make_host(self, name: str, *, path: str, command: str) -> SshHost:
        return CableHost(name, self.folder / name, len(self.hosts), self.controller)

    def cable(self, name: str) -> CableHost:
        found = self.hosts[name]
        assert isinstance(found, CableHost)
        return found

    def end(self) -> None:
        super().end()
        self.controller.end()


@contextlib.contextmanager
def cable_fleet_in(folder: Path) -> Iterator[CableFleet]:
    """Every sshd and every namespace is ended afterwards."""
    made = CableFleet(folder)
    with made.controller.inside():
        try:
            yield made
        finally:
            made.end()
