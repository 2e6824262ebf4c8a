"""One thread over all looks: where it stays, whether it runs or is idle, and for how long. Pure and lazy."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from watchdog.diagnosis import posts
from watchdog.diagnosis.code import innermost_application
from watchdog.diagnosis.indexed import Indexed
from watchdog.model.evidence import Frame, SystemCall, ThreadLook, ThreadStack
from watchdog.model.open_files import Descriptor

_PRIVATE = 128  # of the kernel's operations on a lock: no other process has it
_RUNS_ON = 0.1  # CPU seconds a second, on a machine with much else to do


class ThreadFacts:
    """The calls of one thread and the kernel's word on it, in the order of time."""

    def __init__(self, view: Indexed, pid: int, tid: int | None) -> None:
        self.view, self.pid, self.tid = view, pid, tid
        self.samples: list[tuple[float, ThreadStack]] = []
        self.looks: list[tuple[float, ThreadLook]] = []

    @property
    def name(self) -> str:
        names = [stack.name for _, stack in self.samples if stack.name]
        return names[-1] if names else (self.looks[-1][1].name if self.looks else "")

    @property
    def is_main(self) -> bool:
        return self.tid == self.pid or (bool(self.looks) and self.looks[-1][1].first)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The calls of the last look, innermost first."""
        return self.complete_samples[-1][1].frames if self.complete_samples else ()

    @property
    def state(self) -> str:
        return self.looks[-1][1].state if self.looks else "?"

    @property
    def call(self) -> SystemCall | None:
        return self.looks[-1][1].call if self.looks else None

    @cached_property
    def asleep(self) -> float | None:
        """Seconds since it last ran, at the last look."""
        return self.looks[-1][1].asleep if self.looks else None

    @cached_property
    def running(self) -> float:
        """Share of the looks in which it was on a CPU or ready for one. Where the states are not known: of the time, or
        of the looks in which it kept the interpreter's lock and ran on. Whoever waits gives that lock back."""
        if self.looks and all(look.state == "?" for _, look in self.looks):
            return min(1.0, max(self.cpu, self.holds_gil if self.cpu > _RUNS_ON else 0.0))
        seen = [look.state == "R" for _, look in self.looks]
        seen += [stack.active for _, stack in self.samples if stack.active is not None]
        return sum(seen) / len(seen) if seen else 0.0

    @cached_property
    def cpu(self) -> float:
        """CPU seconds a second, over the looks."""
        if len(self.looks) < 2:
            return 0.0
        (begun, first), (ended, last) = self.looks[0], self.looks[-1]
        return (last.cpu_seconds - first.cpu_seconds) / max(0.05, ended - begun)

    @cached_property
    def spins(self) -> bool:
        """It wants a CPU all the time. A busy machine gives it little, so the run state counts as much as the time."""
        return self.running >= 0.7 and len(self.looks) + len(self.samples) >= 3 and self.got_cpu

    @cached_property
    def got_cpu(self) -> bool:
        """Whether it ran at all between two looks. Where the thread is unknown to the kernel, its process counts."""
        if len(self.looks) > 1:
            return self.moves
        seen = [look.process.cpu_seconds for look in self.view.evidence.looks if look.process.pid == self.pid]
        return len(seen) < 2 or seen[-1] > seen[0]

    @cached_property
    def holds_gil(self) -> float:
        return sum(stack.holds_gil for _, stack in self.samples) / len(self.samples) if self.samples else 0.0

    @cached_property
    def complete_samples(self) -> list[tuple[float, ThreadStack]]:
        """The looks that are not fragments: a thread is not stopped while its calls are read, so some come out torn.
        A whole one begins where the thread itself began."""
        begins = Counter((one.frames[-1].file, one.frames[-1].function) for _, one in self.samples if one.frames)
        if not begins:
            return []
        begin = begins.most_common(1)[0][0]
        return [
            (at, one)
            for at, one in self.samples
            if one.frames and (one.frames[-1].file, one.frames[-1].function) == begin
        ]

    @cached_property
    def stable(self) -> tuple[Frame, ...]:
        """The outer calls that are the same in all looks, innermost first, each with the line it was seen in most."""
        stacks = [one.frames[::-1] for _, one in self.complete_samples]
        found: list[Frame] = []
        for calls in zip(*stacks, strict=False):
            if len({(frame.file, frame.function) for frame in calls}) > 1:
                break
            line = Counter(frame.line for frame in reversed(calls)).most_common(1)[0][0]
            found.append(next(frame for frame in reversed(calls) if frame.line == line))
            if len({frame.line for frame in calls}) > 1:
                break  # below a call that was left and made again, the same names are other calls
        return tuple(found[::-1])

    @cached_property
    def seen_for(self) -> float:
        """Seconds between the first and the last look at its calls."""
        return self.samples[-1][0] - self.samples[0][0] if len(self.samples) > 1 else 0.0

    @cached_property
    def span(self) -> float:
        """Seconds between the first and the last look of the kernel at it."""
        return self.looks[-1][0] - self.looks[0][0] if len(self.looks) > 1 else 0.0

    @cached_property
    def is_idle(self) -> bool:
        """It waits for work in every look."""
        return all(posts.is_idle(stack.frames) for _, stack in self.complete_samples)

    @cached_property
    def work(self) -> tuple[Frame, ...]:
        return posts.work(self.frames)

    @cached_property
    def app_frame(self) -> Frame | None:
        """The innermost frame of the application's own code that was there in all looks. None where that is only what
        started the server: what it does inside the server's own calls changes from look to look."""
        frame = innermost_application(self.stable)
        if frame is None:
            return None
        names = [(one.file, one.function) for one in self.frames]
        here = names.index((frame.file, frame.function)) if (frame.file, frame.function) in names else 0
        launches = posts.has_engine(self.frames[:here]) and not posts.serves_request(self.frames[here:])
        return None if launches else frame

    @cached_property
    def place(self) -> Frame | None:
        """Its own frame; where a piece of work is all in libraries, the call that the work began with."""
        return self.app_frame or next(iter(posts.item(self.stable)[::-1]), None)

    @cached_property
    def dominant_frame(self) -> tuple[Frame | None, float]:
        """The application's function that is its innermost one most often, and in which share of the looks."""
        seen = [
            frame
            for _, one in self.complete_samples
            if not posts.is_idle(one.frames) and (frame := innermost_application(one.frames))
        ]
        if not seen:
            return None, 0.0
        (file, name), _ = Counter((frame.file, frame.function) for frame in seen).most_common(1)[0]
        alike = [frame for frame in seen if (frame.file, frame.function) == (file, name)]
        line = Counter(frame.line for frame in alike).most_common(1)[0][0]
        return next(frame for frame in alike if frame.line == line), len(alike) / len(self.complete_samples)

    @cached_property
    def busiest(self) -> tuple[Frame, ...]:
        """Calls that were there in at least half of the busy looks, innermost first, each with its usual line."""
        looks = [one.frames for _, one in self.complete_samples if not posts.is_idle(one.frames)]
        lines: dict[tuple[str, str], Counter[int]] = {}
        depth: Counter[tuple[str, str]] = Counter()
        for frames in looks:
            for index, frame in enumerate(frames[::-1]):
                lines.setdefault((frame.file, frame.function), Counter())[frame.line] += 1
                depth[frame.file, frame.function] = max(depth[frame.file, frame.function], index)
        often = [name for name, seen in lines.items() if seen.total() >= 0.5 * len(looks)]
        often.sort(key=lambda name: -depth[name])
        return tuple(Frame(name, file, lines[file, name].most_common(1)[0][0]) for file, name in often)

    @cached_property
    def own_now(self) -> Frame | None:
        """The innermost frame of the application's own code at the last look."""
        return innermost_application(self.frames)

    @property
    def age(self) -> float | None:
        """Seconds since the thread began."""
        return self.looks[-1][1].age if self.looks else None

    @cached_property
    def stuck(self) -> float:
        """Seconds for which it is known to be where it is."""
        if self.asleep is not None and self.state in "SD" and not self.moves:
            return max(self.asleep, self.seen_for if self.app_frame else 0.0)
        return self.seen_for if self.app_frame else 0.0

    @cached_property
    def sleep_left(self) -> float:
        """Seconds for which it will certainly stay where it is: it sleeps, and until when is known."""
        return (self.looks[-1][1].sleep_left or 0.0) if self.looks and not self.moves else 0.0

    @cached_property
    def ends_in_time(self) -> bool:
        """It sleeps, and will have slept for less than a good answer may take: that is slow work, and no hang."""
        last = self.looks[-1][1] if self.looks else None
        return (
            last is not None
            and last.sleep_left is not None
            and (last.asleep or 0.0) + last.sleep_left < self.view.limit
        )

    @property
    def is_bounded(self) -> bool:
        """Whether its wait for a lock or sign has a time-out: the fourth argument of the call says until when."""
        call = self.call
        return call is not None and call.name == "futex" and len(call.arguments) > 3 and call.arguments[3] != 0

    @property
    def waits_for_shared_lock(self) -> bool:
        """Whether its lock lies in memory that several processes have: the second argument of the call has a mark for
        one that is private to its process. No fork copies such a lock."""
        call = self.call
        return (
            call is not None and call.name == "futex" and len(call.arguments) > 1 and not call.arguments[1] & _PRIVATE
        )

    @cached_property
    def moves(self) -> bool:
        """It ran between the first and the last look."""
        if len(self.looks) < 2:
            return False
        first, last = self.looks[0][1], self.looks[-1][1]
        return first.switches != last.switches or first.cpu_seconds != last.cpu_seconds

    @property
    def descriptor(self) -> Descriptor | None:
        """The descriptor that its blocked system call is on."""
        call = self.call
        return self.view.descriptor(self.pid, call.descriptor) if call and call.descriptor is not None else None

    def lines(self, frame: Frame) -> Counter[int]:
        """In which lines of this call it was seen, how often."""
        return Counter(
            next((one.line for one in stack.frames if (one.file, one.function) == (frame.file, frame.function)), 0)
            for _, stack in self.complete_samples
        )

    @property
    def label(self) -> str:
        return f"thread {self.name!r} of process {self.pid}" if self.name else f"a thread of process {self.pid}"

    @property
    def reference(self) -> str:
        return f"stacks.json#pid={self.pid},thread={self.name or self.tid}"
