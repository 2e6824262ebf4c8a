"""What a port speaks, before a byte is sent to it: who listens there, what that has loaded, and what it says first.

A question in HTTP is not harmless everywhere: redis reports an attack, PostgreSQL an invalid packet. So only what may
speak HTTP is asked.
"""

from __future__ import annotations

from collections.abc import Iterable

from watchdog.model.process import Listener, Process, Tree
from watchdog.system.net import sockets
from watchdog.system.process import libraries
from watchdog.targets import addresses, imports, programs
from watchdog.targets.frameworks import OWN_PROTOCOL, protocol_of_script, speaks_http

HTTP = "http"
GRPC = "grpc"
_QUIET = 0.3  # seconds for a greeting: who speaks first does so at once

# Programs that speak something else on every port of theirs.
_PROGRAMS = {
    "redis-server": "redis", "valkey-server": "redis", "keydb-server": "redis", "redis-sentinel": "redis",
    "postgres": "postgresql", "postmaster": "postgresql", "pgbouncer": "postgresql", "mysqld": "mysql",
    "mariadbd": "mysql", "memcached": "memcached", "mongod": "mongodb", "mongos": "mongodb", "sshd": "ssh",
    "dropbear": "ssh", "mosquitto": "mqtt", "master": "smtp", "exim4": "smtp", "dovecot": "imap", "slapd": "ldap",
    "named": "dns", "dnsmasq": "dns", "unbound": "dns", "systemd-resolve": "dns", "smbd": "smb", "rpcbind": "rpc",
    "vsftpd": "ftp", "epmd": "epmd", "rabbitmq-server": "amqp", "xrdp": "rdp", "Xvnc": "vnc",
}  # fmt: skip
# Ports of protocols that wait for their client, where the program does not tell: a proxy, another user's process.
_PORTS = {
    6379: "redis", 26379: "redis", 5432: "postgresql", 6432: "postgresql", 11211: "memcached", 27017: "mongodb",
    5672: "amqp", 1883: "mqtt", 9092: "kafka", 2181: "zookeeper", 9042: "cassandra", 389: "ldap", 53: "dns",
}  # fmt: skip
_GREETINGS = (
    (b"SSH-", "ssh"), (b"220", "smtp or ftp"), (b"+OK", "pop3"), (b"* OK", "imap"), (b"RFB ", "vnc"),
    (b"INFO {", "nats"), (b"-", "redis"),
)  # fmt: skip
_TLS_OPTIONS = ("--certfile", "--ssl-certfile", "--ssl-keyfile", "--keyfile", "--cert", "--tls-cert")


def of(listener: Listener, members: Iterable[Process], framework: str | None = None) -> str:
    """ "http" where it may be asked, also where nothing speaks against it; "https", or the name of another protocol."""
    holders = [one for one in members if one.pid in listener.holders]
    known = next((_PROGRAMS[name] for one in holders for name in _names(one) if name in _PROGRAMS), "")
    if known:
        return known
    python = any(programs.is_python(one) for one in holders)
    if not python and listener.port in _PORTS:
        return _PORTS[listener.port]
    if any(_has_option(one.cmdline or ()) for one in holders):
        return "https"
    may_greet = not python or any(libraries.loads(one.pid, "cygrpc") for one in holders)
    if may_greet and (said := _greeting(listener)):
        return said
    if not speaks_http(framework):
        return str(framework)
    shown = next((told for one in holders if (told := protocol_of_script(one))), "")
    if shown == OWN_PROTOCOL:  # its first file names no HTTP; another one of its own may
        return HTTP if any(imports.speaks_http(one) for one in holders) else OWN_PROTOCOL
    if shown or framework is not None or not python:
        return shown or HTTP
    return HTTP if any(imports.may_speak_http(one) for one in holders) else OWN_PROTOCOL


def of_tree(tree: Tree, port: int) -> str:
    """The same for one port of a server; "http" where it does not listen."""
    listener = next((one for one in tree.listeners if one.port == port), None)
    return of(listener, [one.process for one in tree.members], tree.framework) if listener else HTTP


def is_web(protocol: str) -> bool:
    return protocol in (HTTP, "https")


def _names(process: Process) -> tuple[str, ...]:
    return process.name, programs.exe_name(process), programs.program(process).name


def _has_option(words: Iterable[str]) -> bool:
    return any(word.partition("=")[0] in _TLS_OPTIONS for word in words)


def _greeting(listener: Listener) -> str:
    """What it says before it is asked; empty for silence, as of a web server."""
    said = sockets.greeting(addresses.loopback(listener.address).strip("[]"), listener.port, _QUIET)
    # The frame with which a server of HTTP/2 begins by itself: 9 bytes, type 4 (SETTINGS), stream 0.
    if len(said) >= 9 and said[3] == 4 and said[5:9] == b"\0\0\0\0" and int.from_bytes(said[:3]) % 6 == 0:
        return GRPC
    if len(said) > 5 and said[3] == 0 and said[4] == 10:
        return "mysql"
    return next((name for start, name in _GREETINGS if said.startswith(start)), "another protocol" if said else "")
