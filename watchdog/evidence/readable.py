"""Stacks as text for a person: one block a thread, innermost call first, as a traceback is searched at 3 a.m."""

from __future__ import annotations

from collections.abc import Iterable

from watchdog.model.evidence import Evidence, StackLook, Task, TaskLook, ThreadStack
from watchdog.text.printable import printable
from watchdog.text.redact import redact


def stacks_text(evidence: Evidence) -> str:
    """The last dump of each process; a dump that failed says why."""
    last: dict[int, StackLook] = {}
    for look in evidence.stacks:
        if look.error is None or look.pid not in last:
            last[look.pid] = look
    commands = {
        member.process.pid: member.process.command for member in (evidence.tree.members if evidence.tree else ())
    }
    parts = []
    for pid, look in sorted(last.items()):
        parts.append(f"Process {pid}  {printable(redact(commands.get(pid, '')))}".rstrip())
        if look.error is not None:
            parts.append(f"  no stacks: {printable(look.error)}")
        parts += [_thread(thread, evidence) for thread in look.threads]
    return "\n".join(parts) + "\n" if parts else "no stacks\n"


def tasks_text(looks: Iterable[TaskLook]) -> str:
    """Every suspended coroutine with its await chain, outermost first."""
    parts = []
    for look in looks:
        parts.append(f"Process {look.pid}  CPython {printable(look.version)}  {_tasks(look)}")
        if look.error:
            parts.append(f"  {printable(look.error)}")
        parts += [_task(task) for task in look.tasks]
    return "\n".join(parts) + "\n" if parts else ""


def _tasks(look: TaskLook) -> str:
    greenlets = sum(task.alike for task in look.tasks if task.greenlet)
    tasks = sum(task.alike for task in look.tasks if not task.greenlet)
    told = [] if greenlets and not tasks else [f"{tasks} asyncio tasks"]
    told += [f"{greenlets} suspended greenlets"] if greenlets else []
    told += [f"{look.strange} greenlets that cannot be read"] if look.strange else []
    return ", ".join(told)


def _thread(thread: ThreadStack, evidence: Evidence) -> str:
    marks = [word for word, holds in (("running", thread.active), ("holds the GIL", thread.holds_gil)) if holds]
    lines = [
        f"  Thread {thread.tid or '?'} {printable(thread.name)!r}{'  (' + ', '.join(marks) + ')' if marks else ''}"
    ]
    for frame in thread.frames:
        lines.append(f"    {printable(frame.function)}  {printable(frame.file)}:{frame.line}")
        source = evidence.source(frame.file, frame.line)
        if source and source.strip():
            lines.append(f"        {printable(redact(source.strip()))}")
        shown = [local for local in frame.locals if local.text]
        lines += [f"        {printable(local.name)} = {printable(redact(local.text or ''))}" for local in shown]
    return "\n".join(lines)


def _task(task: Task) -> str:
    lines = [f"  Task {printable(task.name)!r}{' (running)' if task.running else ''}"]
    lines += [f"    {printable(frame.function)}  {printable(frame.file)}:{frame.line}" for frame in task.frames]
    if task.waits_for:
        lines.append(f"    waits for {printable(task.waits_for)}")
    return "\n".join(lines)
