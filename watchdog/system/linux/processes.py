"""Processes as Linux's /proc tells them, from the files that can never block.

`stat`, `status`, `cgroup`, `fd` and the namespace links are safe. `cmdline`, `environ`, `smaps` and `exe` take the
memory lock of the process they are about: one process stuck in the kernel with that lock held makes every reader hang
for ever. They are read only by `system/reader.py`, in a child that can be killed.
"""
# ruff: noqa: PTH115, PTH208 - these lines run for every process of the machine, pathlib costs three times as much

from __future__ import annotations

import errno
import functools
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from watchdog.model.errors import CannotTell
from watchdog.model.process import Identity, Process
from watchdog.system.linux import reader
from watchdog.system.linux.reader import Question
from watchdog.system.process.table import CommandLine, Layout, Row

_HERTZ = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_FORKED, _KERNEL_THREAD = 0x40, 0x00200000  # PF_FORKNOEXEC and PF_KTHREAD in the flags of the stat record
# Fields of the stat record behind the name, as proc(5) numbers them less three.
_START_CODE, _START_STACK, _START_BREAK = 26 - 3, 28 - 3, 47 - 3
_SCHEDULED = 2  # CPUCLOCK_SCHED: how a clock id says which CPU time of a process is meant (clock_getcpuclockid(3))
SHORTEST_CPU_USE = 0.03  # seconds: longer than a turn of a busy process, so that one who waits for the CPU shows it
STARVED = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
_SIGNALS = {b"\nSigBlk:": "blocked", b"\nSigIgn:": "ignored", b"\nSigCgt:": "caught"}


@functools.cache
def boot_id() -> str:
    """The kernel's random id of this boot. CannotTell where it is not shown, or /proc is another namespace's."""
    try:
        seen = int(os.readlink("/proc/self"))
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except (OSError, ValueError) as error:
        raise CannotTell("The processes of this machine cannot be read.", f"/proc: {error}") from error
    if seen != os.getpid():
        # After `unshare --pid` without a /proc of its own every pid in /proc would be somebody else's.
        raise CannotTell(
            "The processes of this machine cannot be read.",
            f"/proc belongs to another PID namespace: it calls this process {seen}, the kernel {os.getpid()}.",
            "Mount a fresh /proc there, or run wd outside.",
        )
    return boot


def pids() -> list[int]:
    """Every process that can be seen, in no order."""
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]  # the kernel's names are ASCII
    except OSError as error:
        raise cannot_look(error) from error


def pid_max() -> int:
    """No pid of this machine is greater."""
    text = slurp("/proc/sys/kernel/pid_max") or b""
    return int(text) if text.strip().isdigit() else 4194304


def table() -> dict[int, Process]:
    """Every process at about one moment, without command lines. What vanishes meanwhile is simply not there."""
    boot, began = boot_id(), _boot_moment()
    found: dict[int, Process] = {}
    for pid in pids():
        process = _process(pid, boot, began)
        if process is not None:
            found[pid] = process
    return found


def rows(only: Iterable[int] | None = None) -> dict[int, Row]:
    """The same from one file a process; of everybody, or of these pids."""
    boot = boot_id()
    return {pid: row for pid in (pids() if only is None else only) if (row := _row(pid, boot)) is not None}


def read(pid: int) -> Process | None:
    """One process, without its command line; None if there is none."""
    return _process(pid, boot_id(), _boot_moment())


def cpu_seconds(pid: int) -> float | None:
    """By the clock that the kernel keeps for it, to the nanosecond; its stat record counts in steps of 10 ms."""
    try:
        return time.clock_gettime(~pid << 3 | _SCHEDULED)
    except OSError:
        return None


def transferred(pid: int) -> int | None:
    """Bytes that it has read and written so far, by system calls on files and pipes."""
    fields = dict(line.split(b": ") for line in (slurp(f"/proc/{pid}/io") or b"").splitlines() if b": " in line)
    if b"rchar" not in fields or b"wchar" not in fields:
        return None
    return int(fields[b"rchar"]) + int(fields[b"wchar"])


def thread_ids(pid: int) -> tuple[int, ...]:
    """The kernel's ids of its threads; empty if it is gone."""
    try:
        return tuple(sorted(int(name) for name in os.listdir(f"/proc/{pid}/task")))
    except (OSError, ValueError):
        return ()


def is_alive(identity: Identity) -> bool:
    """Whether this very process still runs anything. A zombie does not."""
    if identity.boot != boot_id():
        return False
    stat = slurp(f"/proc/{identity.pid}/stat")
    fields = _stat_fields(stat) if stat else None
    return fields is not None and int(fields[19]) == identity.ticks and not _gone(fields)


def with_commands(processes: Iterable[Process], within: float = 2.0) -> dict[int, Process]:
    """The same processes with cmdline, exe and cwd, as far as they could be read in `within` seconds."""
    wanted = list(processes)
    # Links first: where the command line stalls, exe and cwd are already there.
    fields = ("exe", "cwd", "cmdline", "libpython")
    questions = [Question(one.identity, field) for one in wanted if not one.kernel for field in fields]
    answers = reader.ask(questions, within)
    found: dict[int, Process] = {}
    for one in wanted:
        exe, cwd, cmdline, libpython = (answers.get(Question(one.identity, field)) for field in fields)
        found[one.pid] = replace(
            one,
            cmdline=() if one.kernel else _words(cmdline),
            exe=None if exe is None else os.fsdecode(exe),
            cwd=None if cwd is None else os.fsdecode(cwd),
            embeds_python=bool(libpython),
        )
    return found


def command_lines(rows: Iterable[Row], within: float) -> dict[int, CommandLine]:
    """What the system shows of these processes: of each its binary and its words, where they can be read."""
    asked = [(row.pid, Question(row.identity, "exe"), Question(row.identity, "cmdline")) for row in rows]
    answers = reader.ask([question for _, *both in asked for question in both], within)
    found: dict[int, CommandLine] = {}
    for pid, link, text in asked:
        exe = answers.get(link)
        found[pid] = CommandLine(None if exe is None else os.fsdecode(exe), _words(answers.get(text)))
    return found


def expect_questions() -> None:
    """Command lines are asked for soon: the child that reads them starts now, beside everything else."""
    reader.begin()


def environment(pid: int, within: float = 1.0) -> dict[str, str] | None:
    """The variables it was started with; None where they cannot be read."""
    process = read(pid)
    if process is None or process.kernel:
        return None
    question = Question(process.identity, "environ")
    text = reader.ask([question], within).get(question)
    if text is None:
        return None
    return dict(os.fsdecode(line).split("=", 1) for line in text.split(b"\0") if b"=" in line)


def _words(cmdline: bytes | None) -> tuple[str, ...] | None:
    """A program that rewrote its title leaves zero bytes behind it; they are not empty words."""
    if cmdline is None:
        return None
    text = cmdline.rstrip(b"\0")
    return tuple(os.fsdecode(word) for word in text.split(b"\0")) if text else ()


def user_name(uid: int) -> str:
    """The account's name, or the number where it is in no local file."""
    return _accounts().get(uid, str(uid))


def _gone(fields: list[bytes]) -> bool:
    # A process whose first thread has ended while others run shows Z too: it lives, and counts its threads.
    return fields[0] in (b"Z", b"X", b"x") and int(fields[17]) <= 1


def _row(pid: int, boot: str) -> Row | None:
    stat = slurp(f"/proc/{pid}/stat")
    fields = _stat_fields(stat) if stat else None
    if not stat or fields is None:
        return None
    # By place, for everybody is read like this: identity, parent, name, state, session, group, kernel, CPU, layout.
    return Row(
        Identity(boot, pid, int(fields[19])),
        int(fields[1]),
        _name(stat),
        _state(fields),
        int(fields[3]),
        int(fields[2]),
        bool(int(fields[6]) & _KERNEL_THREAD),
        (int(fields[11]) + int(fields[12])) / _HERTZ,
        _layout(fields),
    )


def layout(pid: int) -> Layout | None:
    """Where its program, stack and heap begin; None if it is gone or may not be looked at."""
    stat = slurp(f"/proc/{pid}/stat")
    fields = _stat_fields(stat) if stat else None
    return _layout(fields) if fields else None


def _layout(fields: list[bytes]) -> Layout | None:
    if len(fields) <= _START_BREAK:
        return None
    found = (int(fields[_START_CODE]), int(fields[_START_STACK]), int(fields[_START_BREAK]))
    # Without the right to look the kernel shows 0 or 1 instead, the same for everybody.
    return found if found[0] > 1 and found[1] > 1 else None


def _name(stat: bytes) -> str:
    return os.fsdecode(stat[stat.index(b"(") + 1 : stat.rindex(b")")])


def _process(pid: int, boot: str, began: float) -> Process | None:
    stat, status = slurp(f"/proc/{pid}/stat"), slurp(f"/proc/{pid}/status")
    fields = _stat_fields(stat) if stat else None
    if not stat or not status or fields is None:
        return None
    uid, tracer, masks = _status_facts(status)
    ticks, flags = int(fields[19]), int(fields[6])
    kernel = bool(flags & _KERNEL_THREAD)
    return Process(
        identity=Identity(boot, pid, ticks),
        parent=int(fields[1]),
        name=_name(stat),
        state=_state(fields),
        session=int(fields[3]),
        group=int(fields[2]),
        terminal=int(fields[4]),
        uid=uid,
        user=user_name(uid),
        started=began + ticks / _HERTZ,
        threads=int(fields[17]),
        rss=max(0, int(fields[21])) * _PAGE,
        cpu_seconds=(int(fields[11]) + int(fields[12])) / _HERTZ,
        kernel=kernel,
        forked=bool(flags & _FORKED) and not kernel,
        cmdline=() if kernel else None,
        cgroup=None if kernel else _cgroup(pid),
        pid_namespace=namespace(pid, "pid"),
        tracer=tracer,
        ignored=masks.get("ignored", frozenset()),
        blocked=masks.get("blocked", frozenset()),
        caught=masks.get("caught", frozenset()),
    )


def _state(fields: list[bytes]) -> str:
    state = fields[0].decode("ascii", "replace")
    return state if state not in "ZX" or _gone(fields) else "S"


def _stat_fields(stat: bytes) -> list[bytes] | None:
    """What stands behind the short name; that one may itself hold ") R 1 1 (" and newlines, so the last ")" counts."""
    end = stat.rfind(b")")
    fields = stat[end + 1 :].split()
    return fields if end > 0 and len(fields) >= 22 else None


def _status_facts(status: bytes) -> tuple[int, int, dict[str, frozenset[int]]]:
    # The name comes first and the kernel escapes its newlines, so no forged line can follow it.
    uid = _after(status, b"\nUid:").split()
    tracer = _after(status, b"\nTracerPid:")
    masks = {name: _signals(_after(status, label)) for label, name in _SIGNALS.items()}
    return int(uid[1]) if len(uid) > 1 else -1, int(tracer or 0), masks  # the effective user: whose rights it has


def _after(status: bytes, label: bytes) -> bytes:
    start = status.find(label)
    if start < 0:
        return b""
    start += len(label)
    return status[start : status.find(b"\n", start)].strip()


@functools.lru_cache(maxsize=1024)
def _signals(mask: bytes) -> frozenset[int]:
    bits = int(mask or b"0", 16)
    return frozenset(number + 1 for number in range(bits.bit_length()) if bits >> number & 1)


def _cgroup(pid: int) -> str | None:
    text = slurp(f"/proc/{pid}/cgroup")
    return _group_path(text) if text else None


@functools.lru_cache(maxsize=1024)
def _group_path(text: bytes) -> str:
    paths = {kind: path for kind, path in _groups(os.fsdecode(text)) if path != "/"}
    # One hierarchy alone has no name; where only old ones are mounted, systemd's own tells the unit.
    return paths.get("") or paths.get("name=systemd") or next(iter(paths.values()), "/")


def _groups(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        rest = line.partition(":")[2]
        kind, _, path = rest.partition(":")
        yield kind, path


def namespace(pid: int, kind: str) -> int | None:
    """The number of the namespace that it lives in; None if it is gone or may not be looked at."""
    try:
        link = os.readlink(f"/proc/{pid}/ns/{kind}")
    except OSError:
        return None
    return int(link[link.index("[") + 1 : -1])


def _boot_moment() -> float:
    """When the machine began, in seconds since the epoch. Finer than btime, and right after the clock was set."""
    return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def slurp(path: str) -> bytes | None:
    """The whole of a short file of /proc; None if it is gone. CannotTell where no descriptor is left for it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        # Out of descriptors everybody would seem to be gone, and "nothing runs" would be the worst of answers.
        if error.errno in STARVED:
            raise cannot_look(error) from error
        return None
    try:
        text = os.read(descriptor, 8192)
        while len(text) >= 8192 and len(text) % 4096 == 0 and (more := os.read(descriptor, 65536)):
            text += more
        return text
    except OSError:  # it vanished between open and read
        return None
    finally:
        os.close(descriptor)


def cannot_look(error: OSError) -> CannotTell:
    """What to raise when the fault is ours, not that of the process that was looked at."""
    return CannotTell(
        "The processes of this machine cannot be read.",
        f"wd itself is short of something: {error.strerror}.",
        "Look at `ulimit -n` and at the free memory.",
    )


@functools.cache
def _accounts() -> dict[int, str]:
    # The file, not the library: a name service over the network may hang exactly when everything else does.
    found: dict[int, str] = {}
    for line in (slurp("/etc/passwd") or b"").splitlines():
        parts = os.fsdecode(line).split(":")
        if len(parts) > 2 and parts[2].isdigit():
            found.setdefault(int(parts[2]), parts[0])
    return found
