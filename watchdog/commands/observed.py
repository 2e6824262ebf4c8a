"""What a running server tells about its playbook: name, program, command, folder, user, logs, health address.

Nothing is changed. HTTP is asked only of a port that may speak it. Each guess has a sentence for the reader.
"""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from watchdog.model.process import Listener, Process, Tree
from watchdog.model.records import record
from watchdog.system.host import accounts, managers
from watchdog.system.net import http
from watchdog.system.process import descriptors, processes
from watchdog.targets import addresses, expected, ownership, programs, protocols
from watchdog.text.redact import redact

_PAGES = ("/health", "/healthz", "/api/health", "/")
_WITHIN = 2.0  # seconds for one page
_SAYS_NOTHING = frozenset({"main", "app", "server", "manage", "wsgi", "asgi", "run", "api", "__main__", "src"})
_APPLICATION = re.compile(r"[\w.]+:[\w.()]+|[A-Za-z_]\w*(\.\w+)+|[\w./-]+\.py", re.ASCII)
_PLAIN = re.compile(r"-?[A-Za-z][\w.:]*", re.ASCII)
_LEADING = 4  # words behind the program
_LOG = re.compile(r"\.(log|out|err)$|/logs?/")
# Variables that name the application. All others may hold a secret: only their names are shown.
_OF_APPLICATION = ("PYTHONPATH", "DJANGO_SETTINGS_MODULE", "FLASK_APP", "CELERY_APP")
_OF_SESSION = re.compile(
    r"(_|PWD|OLDPWD|SHLVL|SHELL|TERM.*|COLORTERM|LS_COLORS|LESS.*|EDITOR|PAGER|DISPLAY|MAIL|LC_.*|LANG.*|SSH_.*|XDG_.*|"
    r"SUDO_.*|DBUS_.*|INVOCATION_ID|JOURNAL_STREAM|SYSTEMD_.*|VIRTUAL_ENV.*|PS1|HOSTNAME|WD_.*|NOTIFY_SOCKET|DEBIAN_.*)",
    re.ASCII,
)


@record(frozen=True)
class Observed:
    """Everything that a playbook of this server needs, and how sure each part is."""

    service: str
    port: int | None
    words: tuple[str, ...]  # for find.cmdline; empty where none names it
    command: tuple[str, ...]
    cwd: str | None
    user: str | None  # None: the user who runs wd
    env: tuple[tuple[str, str], ...]
    other_names: tuple[str, ...]  # variables that it has and that are not written
    logs: tuple[str, ...]
    processes: int  # that it consists of now
    page: str  # the path that answers well; empty if none does
    through: str  # the manager that keeps it and that wd can act through
    guesses: tuple[str, ...]


def observe(tree: Tree, port: int | None = None, name: str = "") -> Observed:
    """Look at one server. `port`: the one that was asked for; `name`: the service's name, if it is known."""
    root = tree.root
    port = port if port in tree.ports else next(iter(tree.ports), None)
    words, env = _words(tree), processes.environment(root.pid) or {}
    service, logs = name or _service(words, root), _logs(tree)
    page, answer = _page(tree, port)
    through, kept = _through(tree)
    command = _command(root, env)
    own, others = _variables(root, env)
    guesses = [
        f"service: {service}" + ("" if name else " (its application or folder; --name gives another one)"),
        f"port: {port}" if port else "port: it listens on none, so the probe counts its processes",
        f"health: {answer}",
        f"logs: {', '.join(logs)}" if logs else "logs: it has no log file open",
        *kept,
    ]
    if others:
        guesses.append(f"variables that it has and that are not in the playbook: {', '.join(others)}")
    if redact(" ".join(command)) != " ".join(command):
        guesses.append("its command line holds what looks like a secret: move it to start.env_file")
    user = None if root.uid == accounts.our_id() else root.user
    return Observed(
        service, port, words, command, root.cwd, user, own, others, logs, len(tree.members), page, through,
        tuple(guesses),
    )  # fmt: skip


def _words(tree: Tree) -> tuple[str, ...]:
    """The program and the application behind it, as far as these words find this very server."""
    program = programs.program(tree.root)
    application = [word for word in program.words[1:] if _APPLICATION.fullmatch(word) and "/" not in word]
    several: list[tuple[str, ...]] = [(program.name, *application[:1]), (program.name,)]
    for found in several if tree.ports else [_leading(program), *several]:
        if not program.inline and expected.Expected(found).among([tree.root]):
            return found
    return ()


def _leading(program: programs.Program) -> tuple[str, ...]:
    """`celery -A tasks worker`: without a port only these tell one program of a queue from the next."""
    plain = itertools.takewhile(lambda word: bool(_PLAIN.fullmatch(word)), program.words[1:])
    return (program.name, *itertools.islice(plain, _LEADING))


def _service(words: tuple[str, ...], root: Process) -> str:
    """`shop` of `uvicorn shop:app` and of shop.py; the folder where the application says nothing."""
    for word in (*words[1:], *words[:1]):
        stem = word.partition(":")[0].removesuffix(".py").partition(".")[0]
        if (len(words) == 1 or word != words[0]) and not word.startswith("-") and stem not in _SAYS_NOTHING:
            return _safe(stem)
    return _safe(Path(root.cwd or "/").name or root.name)


def _safe(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:64] or "server"


def _command(root: Process, env: Mapping[str, str]) -> tuple[str, ...]:
    """As it was started. The interpreter by its full path: a service's PATH is not that of a shell."""
    words = root.words
    if not words:
        return ()
    first = words[0] if "/" in words[0] else shutil.which(words[0], path=env.get("PATH")) or root.exe or words[0]
    return (first, *words[1:])


def _variables(root: Process, env: Mapping[str, str]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """(what names the application, names of the others): without what every service and every session has."""
    base = accounts.base_environment(accounts.user_name(root.uid))
    own = tuple((name, env[name]) for name in _OF_APPLICATION if env.get(name))
    known = {*base, *(name for name, _ in own)}
    return own, tuple(sorted(name for name in env if name not in known and not _OF_SESSION.fullmatch(name)))


def _logs(tree: Tree) -> tuple[str, ...]:
    """Files that it has open for writing and that look like logs, or are its output."""
    found = [one for pid in tree.pids for one in descriptors.of(pid, "file") if one.writable]
    named = (one.target for one in found if one.number in (1, 2) or _LOG.search(one.target))
    return tuple(dict.fromkeys(path for path in named if not path.endswith(" (deleted)")))


def _page(tree: Tree, port: int | None) -> tuple[str, str]:
    """(the first page that answers well, a sentence). Nothing is sent where something else than HTTP is spoken."""
    listener = next((one for one in tree.listeners if one.port == port), None)
    if listener is None:
        return "", "no port that could be asked"
    protocol = protocols.of_tree(tree, listener.port)
    if protocol != protocols.HTTP:
        return "", f"port {port} speaks {protocol}, so the probe only connects"
    for path, status, seconds in _answers(listener):
        if status is not None and status < 400:
            return path, f"{path} answers {status} after {seconds * 1000:.0f} ms"
    return "", f"none of {', '.join(_PAGES)} answers well, so the probe only connects: write the right page"


def _answers(listener: Listener) -> Iterator[tuple[str, int | None, float]]:
    base = addresses.base(listener.port, listener.address)
    for path in _PAGES:
        reply = http.ask(base + path, timeout=_WITHIN, limit=4096)
        yield path, reply.status, reply.seconds
        if reply.problem:  # it does not answer now: three more questions would only queue
            return


def _through(tree: Tree) -> tuple[str, list[str]]:
    """(the manager that should start it, sentences). Only one that has itself named this server is written down."""
    manager = tree.manager
    if manager is None or manager.kind == "wd":
        return "", []
    proven = ownership.ask(tree)
    if proven.orders is None:
        return "", [f"start: {manager} seems to keep it: {proven.problem}"] if proven.problem else []
    if proven.orders != managers.orders(manager):
        return "", [f"start: {manager} keeps it, and is reached by: {shlex.join(proven.orders.start)}"]
    return str(manager), [f"start: {manager} keeps it, so wd starts and stops it through that"]
