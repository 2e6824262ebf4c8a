"""A child waits in write to a pipe that its parent does not read: the parent waits for the child's end instead."""

from __future__ import annotations

from collections.abc import Iterator

from watchdog.diagnosis import suspects
from watchdog.diagnosis.code import at_place, function
from watchdog.diagnosis.rules.await_never import loop_idles
from watchdog.diagnosis.tasks import TaskWait, suspended
from watchdog.diagnosis.unread import unread_stream
from watchdog.diagnosis.view import ThreadView, View, short
from watchdog.model.evidence import Frame
from watchdog.model.finding import Finding
from watchdog.text.units import format_duration

PREVENT = (
    "Read the child's output while it runs (`communicate()`, `run(capture_output=True)`, a reader thread), or send "
    "it to a file or to DEVNULL; `wait()` with a pipe that nobody reads stops as soon as the pipe is full (64 KiB)."
)


def rule(view: View) -> Iterator[Finding]:
    for writer in view.threads:
        if writer.wait.kind != "pipe-write" or writer.stuck < 0.5:
            continue
        for reader in writer.wait.pids:
            if reader not in view.processes or reader == writer.pid or view.is_child(reader, writer.pid):
                continue
            guilty = _who_should_read(view, reader, writer.pid)
            # A parent that itself waits in write to the same child is another fault, with its own rule.
            if guilty is not None and guilty.wait.kind != "pipe-write":
                yield _finding(view, writer, guilty)
            elif guilty is None:
                yield from _of_task(view, writer, reader)


def _of_task(view: View, writer: ThreadView, reader: int) -> Iterator[Finding]:
    """A parent with an event loop: the task that waits for the child's end, or reads another pipe of it, reads nothing
    of this one."""
    for one in sorted(suspended(view), key=lambda one: one.kind != "child"):
        if one.task.pid == reader and (one.kind == "child" or _reads_child(view, one)):
            unread = unread_stream(view, writer.call) if one.kind != "child" else None
            yield Finding(
                cause="child-pipe-full",
                certainty="certain",
                lasted=2 * writer.stuck,
                summary=f"child {writer.pid} waits {format_duration(writer.stuck)} to write into a full pipe that "
                f"process {reader} does not read: it "
                f"{'awaits a child process' if one.kind == 'child' else 'reads another pipe'}"
                f" in {short(one.app_frame)}{_made(unread)}",
                culprit=view.culprit(unread or one.app_frame),
                evidence=(f"tasks.json#pid={reader},task={one.task.name}", writer.reference),
                prevent=PREVENT,
            )
            return


def _made(unread: Frame | None) -> str:
    return f"; the application reads nothing of the pipe made in {short(unread)}" if unread else ""


def _reads_child(view: View, one: TaskWait) -> bool:
    """Whether it reads a stream of a child while the loop idles: a pipe; or the function that it is in, or one that
    called that, starts children."""
    reads = any(at_place(frame, ("asyncio/streams.py:*",)) for frame in one.chain)
    if not (reads and view.troubled and loop_idles(view, one.task.pid)):
        return False
    return one.task.reads_pipe or any(
        call.function == function(frame) and call.file == frame.file
        for frame in one.chain
        for call in suspects.calls(view, lambda name, _: name in suspects.FORKS)
    )


def _who_should_read(view: View, pid: int, child: int) -> ThreadView | None:
    """The reader's thread that waits for this child, else its longest stuck one."""
    threads = [
        one for one in view.threads_of(pid) if one.app_frame and (not one.waits_for_work or one.wait.kind == "child")
    ]
    threads.sort(key=lambda thread: (thread.wait.kind != "child", thread.wait.kind != "pipe-write", -thread.stuck))
    return threads[0] if threads else None


def _finding(view: View, writer: ThreadView, guilty: ThreadView) -> Finding:
    assert guilty.app_frame is not None
    # Who waits for the child's end could as well read all of it first: that wait is the line.
    unread = unread_stream(view, writer.call) if guilty.wait.kind != "child" else None
    child = view.processes[writer.pid]
    return Finding(
        cause="child-pipe-full",
        certainty="certain",
        lasted=2 * writer.stuck,
        summary=f"child {writer.pid} ({child.shown(60)}) waits {format_duration(writer.stuck)} to write into a full "
        f"pipe that process {guilty.pid} does not read: it is"
        f" in {short(guilty.app_frame)}, waiting for {guilty.wait.words}{_made(unread)}",
        culprit=view.culprit(unread) if unread else view.culprit(guilty.app_frame, guilty),
        evidence=(guilty.reference, writer.reference, f"files.json#pid={writer.pid}"),
        prevent=PREVENT,
    )
