"""Who belongs to the server while it is looked at: children come, processes die, a launcher starts them again.

The tree that was found is only its first moment. Where nothing was found, the port and the configured start command
tell when somebody comes.
"""

from __future__ import annotations

from dataclasses import replace

from watchdog.model.evidence import Configured, Exit
from watchdog.model.process import Listener, Process, Tree
from watchdog.system import clock
from watchdog.system.host import accounts
from watchdog.system.net import ports
from watchdog.system.process import processes, threads
from watchdog.targets import originals, programs
from watchdog.targets.expected import Expected

_FULL = 1.5  # seconds between two looks at all processes of the machine
_COMMANDS = 0.3  # seconds for reading the command lines of newcomers


class Lives:
    """The server's processes over time."""

    def __init__(self, tree: Tree | None, configured: Configured) -> None:
        self._tree, self._configured = tree, configured
        self._expected = Expected(configured.cmdline, configured.regex, configured.find_user, configured.find_cwd)
        self.known: dict[int, Process] = {m.process.pid: m.process for m in tree.members} if tree else {}
        self.exits: list[Exit] = []
        self.zombies: tuple[Process, ...] = ()
        self.strangers: dict[int, Process] = {}
        self.listeners: tuple[Listener, ...] = ()
        self._scanned = -_FULL
        self._asked: set[int] = set()  # strangers to the start command

    @property
    def hidden(self) -> str:
        """The user whose process keeps the port and may not be seen; empty if there is none."""
        closed = [one for one in self.listeners if not one.holders]
        return accounts.user_name(closed[0].uid) if closed and not self.known else ""

    @property
    def port(self) -> int | None:
        if self._configured.port is not None:
            return self._configured.port
        return self._tree.ports[0] if self._tree and self._tree.ports else None

    def look(self) -> None:
        """Who is there now, who has gone since the last look. All processes of the machine are looked at now and then
        only: that takes long where there are thousands."""
        near = None if clock.monotonic() - self._scanned >= _FULL else self._near()
        table = processes.table() if near is None else near
        if near is None:
            self._scanned = clock.monotonic()
            self.listeners = ports.listeners(self.port) if self.port else ()
        self._bury(table)
        roots = [pid for pid in self.known if pid in table]
        if self._tree is None:
            roots += [pid for listener in self.listeners for pid in listener.holders if pid in table]
            roots += self._by_start_command(table) if near is None else []
        below = {child for root in roots for child in processes.descendants(table, root)} | set(roots)
        new = [table[pid] for pid in below if pid not in self.known and not table[pid].ended]
        if new:
            self.known.update(originals.with_commands(new, within=_COMMANDS))
        self.zombies = tuple(table[pid] for pid in sorted(below) if table[pid].state == "Z")
        self._meet_strangers(table)

    def _near(self) -> dict[int, Process] | None:
        """The known processes and those below them; None where a look at all is needed."""
        found: dict[int, Process] = {}
        waiting = list(self.known)
        while waiting:
            pid = waiting.pop()
            below = threads.children(pid)
            if below is None:
                return None
            process = processes.read(pid) if pid not in found else None
            if process is not None:
                found[pid] = process
                waiting += [child for child in below if child not in found]
        if not found or not self._same_listeners():
            return None
        if found.keys() != self.known.keys() and self.port:  # somebody came or went: the port may have changed hands
            self.listeners = ports.listeners(self.port)
        return found

    def _same_listeners(self) -> bool:
        """Whether somebody listens as before; takes over how many connections wait now."""
        queue = ports.accept_queue(self.port) if self.port else None
        if (queue is None) != (not self.listeners):
            return False
        if queue is not None:
            deepest = max(self.listeners, key=lambda one: one.queue)
            self.listeners = tuple(replace(one, queue=queue[0]) if one is deepest else one for one in self.listeners)
        return True

    def _bury(self, table: dict[int, Process]) -> None:
        for pid, process in list(self.known.items()):
            there = table.get(pid)
            if there is not None and there.identity == process.identity and not there.ended:
                continue
            now = clock.now()
            self.exits.append(Exit(when=now, pid=pid, lifetime=max(0.0, now - process.started), source="watched"))
            del self.known[pid]

    def _by_start_command(self, table: dict[int, Process]) -> list[int]:
        """Processes with exactly the configured start command: the server, though it does not listen."""
        command = self._configured.start_command
        if not command:
            return []
        new = [process for pid, process in table.items() if pid not in self._asked and not process.kernel]
        self._asked.update(process.pid for process in new)
        found = originals.with_commands(new, within=_COMMANDS)
        return [pid for pid, process in found.items() if process.words == command and not process.ended]

    def _meet_strangers(self, table: dict[int, Process]) -> None:
        """Holders of the port that no part of the server is, or that run another program than the configured one."""
        holders = [pid for listener in self.listeners for pid in listener.holders if pid in table]
        unknown = [table[pid] for pid in holders if pid not in self.known and pid not in self.strangers]
        found = dict(self.known)
        if unknown:
            found.update(originals.with_commands(unknown, within=_COMMANDS))
        for pid in holders:
            process = found.get(pid)
            if process is not None and (pid not in self.known or not self._is_configured(process)):
                self.strangers[pid] = process

    def _is_configured(self, process: Process) -> bool:
        """Whether the process runs the configured program, or was forked or spawned by one that does.

        A launcher that merely names the configured script among its own arguments proves nothing about its child.
        """
        if not self._configured.cmdline:
            return True
        chain: Process | None = process
        for _ in range(20):
            if chain is None or self._expected.is_run_by((chain,)) != "no":
                return chain is not None
            above = self.known.get(chain.parent)
            if above is None or not (programs.program(chain).inline or chain.words == above.words):
                return False
            chain = above
        return False
