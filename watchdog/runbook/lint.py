"""What makes a runbook unreliable: steps without a bound, a proof or an answer to failure; names that nobody has.

What cannot even be read is a BadConfig of `document`; a mistake told here would end the run before it begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from watchdog.config.mistakes import did_you_mean
from watchdog.library import shelf
from watchdog.model.errors import BadConfig, WdError
from watchdog.model.procedure import Block, Runbook
from watchdog.model.records import record
from watchdog.runbook import condition
from watchdog.runbook.document import ANSWERS
from watchdog.runbook.fill import Value, fill_words, names
from watchdog.runbook.plan import split
from watchdog.steps.parse import parse_words
from watchdog.steps.registry import proves_return
from watchdog.steps.spec import StepSpec
from watchdog.text.printable import printable

_STAND_INS: tuple[Value, ...] = ("1s", "1", "http://127.0.0.1/")  # for a parameter without a default, to try a line


@record(frozen=True)
class Warning:
    """`mistake`: the runbook cannot be run as it stands."""

    file: str
    line: int
    message: str
    mistake: bool = False

    def __str__(self) -> str:
        return printable(f"{self.file}:{self.line}: {self.message}")


@record(frozen=True)
class _Step:
    """A line that was understood."""

    line: int
    text: str
    spec: StepSpec


def lint(runbook: Runbook) -> tuple[str, ...]:
    """One line a warning, in the order of the document; empty for a runbook that can be relied on."""
    return tuple(str(warning) for warning in warnings(runbook))


def warnings(runbook: Runbook) -> tuple[Warning, ...]:
    """`lint` as records."""
    found = [*_of_parameters(runbook), *_of_blocks(runbook)]
    return tuple(Warning(runbook.path, *one) for one in sorted(found))


Told = tuple[int, str, bool]


def _of_blocks(runbook: Runbook) -> Iterator[Told]:
    if not any(block.lines for block in runbook.blocks):
        yield 1, "there is nothing to run in it: no block marked wd, sh, bash or powershell", True
    known = shelf.names("runbooks", _home_of(runbook))
    understood: list[list[_Step]] = []
    for block in runbook.blocks:
        steps: list[_Step] = []
        for line, text in block.lines if block.language == "wd" else ():
            try:
                steps.append(_Step(line, text, _understand(text, runbook)))
            except WdError as error:
                yield line, ". ".join(part.rstrip(".") for part in error.lines()), True
        understood.append(steps)
    for index, block in enumerate(runbook.blocks):
        if block.language == "wd" and not block.rollback:
            forward = zip(runbook.blocks[index + 1 :], understood[index + 1 :], strict=True)
            later = [step.spec.name for other, steps in forward if not other.rollback for step in steps]
            yield from _of_block(block, understood[index], later)
            earlier = [step.spec.name for steps in understood[:index] for step in steps]
            yield from _of_condition(block, earlier)
            if block.on_fail not in ANSWERS and block.on_fail not in known:
                hint = did_you_mean(block.on_fail, known)
                yield block.line, f"on-fail={block.on_fail}: there is no such runbook{hint}", True


def _of_block(block: Block, steps: Sequence[_Step], later: Sequence[str]) -> Iterator[Told]:
    for index, step in enumerate(steps):
        if not step.spec.changes:
            continue
        bounded = any(option.name == "--timeout" and option.default for option in step.spec.options)
        if block.timeout is None and not bounded:
            yield step.line, f"`{step.spec.name}` changes something without a timeout: ```wd timeout=30s", False
        behind = [*(other.spec.name for other in steps[index + 1 :]), *later]
        if "proves" not in step.spec.effects and not any(proves_return(name) for name in behind):
            yield (
                step.line,
                f"`{step.spec.name}` changes something and no `verify` behind it proves that it helped",
                False,
            )
        if "on-fail" not in block.given:
            told = f"`{step.spec.name}` changes something without an answer to failure: ```wd on-fail=stop"
            yield step.line, told, False
    if block.on_fail == "escalate" and not any(_can_be_forced(step.spec) for step in steps):
        yield block.line, "on-fail=escalate: none of its steps has a harder way (--force), so it only stops", False


def _of_condition(block: Block, earlier: Sequence[str]) -> Iterator[Told]:
    for comparison in condition.read(block.when) if block.when else ():
        if comparison.step not in earlier:
            yield block.line, f"when={block.when}: no step `{comparison.step}` stands before it", True


def _of_parameters(runbook: Runbook) -> Iterator[Told]:
    used: dict[str, int] = {}
    for block in runbook.blocks:
        for line, text in block.lines:
            if block.language == "wd":
                used.update({name: line for name in _names(text) if name not in used})
            else:
                used.update({one.name: line for one in runbook.parameters if f"${one.name}" in text.replace("{", "")})
    declared = [parameter.name for parameter in runbook.parameters]
    for name in declared:
        if name not in used:
            yield 1, f"the parameter {name} is used nowhere", False
    for name, line in used.items():
        if name not in declared and name != "service":
            yield line, f"the parameter {name} is not declared in the header{did_you_mean(name, declared)}", True


def _names(text: str) -> Iterable[str]:
    try:
        return [name for word in split(text) for name in names(word)]
    except (BadConfig, ValueError):
        return ()  # told where the line is tried


def _understand(text: str, runbook: Runbook) -> StepSpec:
    """The step of a line. Parameters that must be given are tried with a time, a number and an address."""
    words = split(text)
    last: WdError | None = None
    for stand_in in _STAND_INS:
        values: dict[str, Value] = dict.fromkeys((name for word in words for name in _names_of(word)), stand_in)
        values |= {one.name: one.default for one in runbook.parameters if one.default is not None}
        try:
            return parse_words(fill_words(words, values))[0]
        except WdError as error:
            last = last or error
    assert last is not None
    raise last


def _names_of(word: str) -> frozenset[str]:
    try:
        return names(word)
    except ValueError as error:
        raise BadConfig(f"{word[:80]!r} cannot be filled in", str(error)) from None


def _can_be_forced(spec: StepSpec) -> bool:
    return any(option.name == "--force" for option in spec.options)


def _home_of(runbook: Runbook) -> Path | None:
    folder = Path(runbook.path).absolute().parent
    return folder.parent if folder.name == "runbooks" else None
