"""Where the page listens, and by which names it may be asked for."""

from __future__ import annotations

import ipaddress
import re

from watchdog.model.errors import WrongUsage
from watchdog.model.records import record

DEFAULT = "127.0.0.1:8321"
LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")


@record(frozen=True)
class Address:
    """A host and a port of this machine."""

    host: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback

    @property
    def is_everywhere(self) -> bool:
        """Whether it stands for every address of this machine."""
        return self.host != "localhost" and ipaddress.ip_address(self.host).is_unspecified

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(text: str) -> Address:
    """ "127.0.0.1:8321", ":8321", "[::1]:8321". WrongUsage for anything else."""
    host, sign, port = text.strip().rpartition(":")
    host = host.removeprefix("[").removesuffix("]") or "127.0.0.1"
    wrong = WrongUsage(f"{text!r} is not an address of the page", todo=f"Write HOST:PORT, such as {DEFAULT}.")
    if not sign or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise wrong
    if host != "localhost":
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise wrong from None
    return Address(host, int(port))


def host_of(header: str) -> str:
    """The name in a Host header, without its port; empty if it is not one."""
    if header.startswith("["):
        name, bracket, rest = header[1:].partition("]")
        good = bracket and re.fullmatch(r"(:\d{1,5})?", rest) and re.fullmatch(r"[0-9a-fA-F:.]{2,45}", name)
        return name.lower() if good else ""
    name, _, port = header.partition(":")
    return name.lower() if _HOST.fullmatch(name) and re.fullmatch(r"\d{0,5}", port) else ""
