"""Where the page listens, and what stands before it."""

from __future__ import annotations

from watchdog.model.records import record
from watchdog.web.address import LOCAL_NAMES, Address


@record(frozen=True)
class Entrance:
    """Where it listens, and what stands before it."""

    address: Address
    names: tuple[str, ...] = ()  # further names by which a browser may ask for it
    certificate: str = ""  # files for TLS
    key: str = ""
    proxy: str = ""  # the only address that requests may come from
    proxy_user: str = ""  # the header in which that proxy names the user

    @property
    def hosts(self) -> frozenset[str]:
        own = () if self.address.is_everywhere else (self.address.host,)
        local = LOCAL_NAMES if self.address.is_local else ()
        return frozenset(name.lower() for name in (*own, *local, *self.names))

    @property
    def is_secure(self) -> bool:
        """Whether what the browser sends is encrypted."""
        return bool(self.certificate or self.proxy)

    @property
    def url(self) -> str:
        """How a person reaches it."""
        scheme = "https" if self.is_secure else "http"
        if not self.names:
            return f"{scheme}://{self.address}"
        port = "" if self.proxy or self.address.port == 443 else f":{self.address.port}"
        return f"{scheme}://{self.names[0]}{port}"
