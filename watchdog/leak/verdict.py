"""Whether a function leaks, from how many objects stay behind per call: pure, with the rule behind each answer.

The rule: growth in proportion to the calls is a leak. What stays after the first call only is an initial cost. A cache
that fills up looks like a leak at ten calls and like none at a thousand: the largest round decides.
"""

from __future__ import annotations

from typing import Literal

from watchdog.model.records import record
from watchdog.text.units import format_size

Answer = Literal["leak", "sound", "unsure"]
LEAKING, SOUND = 0.9, 0.1  # objects that stay per call: at least, and at most
_UNTRACKED, _UNTRACKED_A_CALL = 16384, 128  # bytes, in all and a call, that are not chance


@record(frozen=True)
class Round:
    """What stayed behind after so many calls and a full collection."""

    calls: int
    objects: int  # that the collector tracks
    blocks: int  # of memory, of any object
    bytes: int
    seconds: float
    types: tuple[tuple[str, int], ...] = ()  # what there is more of, most first
    lines: tuple[tuple[str, int, int, int], ...] = ()  # (file, line, objects, bytes): where what stayed was made

    @property
    def per_call(self) -> float:
        return self.objects / self.calls

    @property
    def bytes_per_call(self) -> float:
        return self.bytes / self.calls


@record(frozen=True)
class LeakVerdict:
    """The answer and, in a sentence, why."""

    answer: Answer
    rule: str


def judge(rounds: tuple[Round, ...]) -> LeakVerdict:
    """The verdict over all rounds, in the order in which they were run; the first one pays the initial cost."""
    later = [one for one in rounds if one.calls > 1]
    if not later:
        return LeakVerdict("unsure", "one call alone cannot tell an initial cost from a leak: give it more")
    last = later[-1]
    pace = f"{last.per_call:.2f} objects a call over {last.calls} calls"
    if last.per_call >= LEAKING:
        return LeakVerdict("leak", f"{pace}: what stays grows with the number of calls")
    if last.bytes >= _UNTRACKED and last.bytes_per_call >= _UNTRACKED_A_CALL:
        size = format_size(last.bytes_per_call)
        return LeakVerdict("leak", f"{size} a call over {last.calls} calls stay, in objects that hold no others")
    if last.per_call > SOUND:
        return LeakVerdict("unsure", f"{pace}: neither none nor one each; more calls would tell")
    filled = next((one for one in later if one.per_call >= LEAKING), None)
    if filled is not None:
        return LeakVerdict("sound", f"{pace}: what grew during {filled.calls} calls has stopped (a cache that filled)")
    first = rounds[0].objects if rounds[0].calls == 1 else 0
    cost = f"; the first call's {first} objects are an initial cost" if first > max(1, last.objects) else ""
    return LeakVerdict("sound", f"{pace}: nothing stays{cost}")


def compare(before: tuple[Round, ...], after: tuple[Round, ...]) -> tuple[str, ...]:
    """One line for each number of calls that both runs have: how much less, or more, stays now."""
    earlier = {one.calls: one for one in before}
    found = []
    for now in after:
        old = earlier.get(now.calls)
        if old is None:
            continue
        word = "same" if abs(now.per_call - old.per_call) < SOUND else "less" if now.objects < old.objects else "more"
        found.append(
            f"{now.calls} calls: {old.per_call:+.2f} objects a call before, {now.per_call:+.2f} now ({word}); "
            f"{format_size(old.bytes_per_call)} before, {format_size(now.bytes_per_call)} now"
        )
    return tuple(found)
