"""A runbook's Markdown to records: the header, and every fenced block that could be run, with its place.

Blocks marked `wd` hold steps. Blocks marked `sh`, `bash` or `powershell` are those of an ordinary procedure. All other
fences, indented code and everything in prose are for the reader alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING

from watchdog.config.mistakes import Mistake, bad_config, did_you_mean, shown
from watchdog.library import shelf
from watchdog.model.errors import BadConfig
from watchdog.model.procedure import Block, Runbook
from watchdog.model.records import record
from watchdog.runbook import condition, header
from watchdog.system.disk.trust import read_trusted
from watchdog.text.units import parse_duration

if TYPE_CHECKING:
    from markdown_it.token import Token

SYSTEMS = ("linux", "macos", "windows")
OPTIONS = ("timeout", "on-fail", "when", "os", "approve")
FLAGS = ("confirm", "rollback")  # words that stand alone
ANSWERS = ("stop", "continue", "escalate")
_LANGUAGES = {"wd": "wd", "sh": "sh", "shell": "sh", "bash": "bash", "powershell": "powershell", "pwsh": "powershell"}
_NAMED = re.compile(r"\b(windows|linux|mac ?os|unix)\b", re.IGNORECASE)


def find(name: str, home: Path | None) -> Runbook:
    """A runbook by its name, the home's own before the shipped ones; or a Markdown file by its path."""
    if "/" in name or name.endswith(".md"):
        return parse(Path(name))
    own = shelf.of_home("runbooks", home).get(name)
    if own is not None:
        return parse(own)
    shipped = shelf.shipped("runbooks").get(name)
    if shipped is not None:
        return read(shipped.read_bytes(), str(shipped), name)
    known = shelf.names("runbooks", home)
    raise BadConfig(
        f"there is no runbook {name!r}{did_you_mean(name, known)}",
        f"there are: {', '.join(known)}",
        "A Markdown file of your own is named by its path: ./procedure.md",
    )


def parse(path: Path) -> Runbook:
    """A runbook file; BadConfig holds every mistake with its place."""
    return read(read_trusted(path), str(path), path.stem)


def read(content: bytes, file: str, name: str) -> Runbook:
    """A runbook from its bytes; `file` is what mistakes name."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise bad_config(f"{file} cannot be read", [Mistake(file, line, 1, "", "the text is not UTF-8")]) from None
    top, body = header.split(text)
    reading = _Reading(file)
    blocks = tuple(reading.blocks(_tokens(body)))
    steps = any(block.language == "wd" for block in blocks)
    found, mistakes = header.read(top, file, name, strict=steps)
    mistakes += reading.mistakes
    if mistakes:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        raise bad_config(f"{count} in the runbook {file}", mistakes)
    return Runbook(name, file, found.summary or reading.title, blocks, found.parameters, text)


def _tokens(body: str) -> list[Token]:
    from markdown_it import MarkdownIt

    # What stands inside a line is never looked at, and parsing it is where Markdown parsers can be made slow.
    return MarkdownIt("commonmark").disable("inline").parse(body)


@record
class _Reading:
    file: str
    mistakes: list[Mistake] = field(default_factory=list)
    title: str = ""  # the first heading

    def blocks(self, tokens: Iterable[Token]) -> Iterator[Block]:
        heading, before, in_heading, undoable = "", "", False, False
        for token in tokens:
            if token.type == "heading_open":
                in_heading = True
            elif token.type == "inline":
                before = token.content
                if in_heading:
                    heading, in_heading = token.content, False
                    self.title = self.title or heading
            elif token.type == "fence" and (block := self._block(token, heading, before)):
                if block.rollback and not undoable:
                    self._note(block.line, "a rollback block stands behind the block that it undoes", "rollback")
                undoable = not block.rollback
                yield block

    def _block(self, token: Token, heading: str, before: str) -> Block | None:
        first = token.map[0] + 1 if token.map else 1
        word, _, rest = token.info.strip().partition(" ")
        language = _LANGUAGES.get(word.lower())
        if language is None:
            return None
        options = self._options(rest, first, strict=language == "wd")
        lines = list(enumerate(token.content.split("\n")[:-1], first + 1))
        answer = options.get("on-fail", "stop")
        systems = tuple(options["os"].split(",")) if "os" in options else _systems(language, before)
        return Block(
            language=language,
            lines=tuple(_steps(lines)) if language == "wd" else tuple(lines),
            timeout=parse_duration(options["timeout"]) if "timeout" in options else None,
            on_fail=answer,
            when=options.get("when", ""),
            systems=systems,
            heading=heading,
            line=first,
            confirm="confirm" in options,
            approve=int(options.get("approve", 0)),
            rollback="rollback" in options,
            given=tuple(options),
        )

    def _options(self, text: str, line: int, *, strict: bool) -> dict[str, str]:
        """The options of a fence that are right; what is wrong is noted, or passed over in a foreign procedure."""
        try:
            words = shlex.split(text)
        except ValueError:
            words = []
            if strict:
                self._note(line, "a quote behind ``` is not closed", shown(text))
        found: dict[str, str] = {}
        for word in words:
            key, sign, value = word.partition("=")
            known = (*(f"{one}=" for one in OPTIONS), *FLAGS)
            wrong = "" if f"{key}{sign}" in known else f"an option is one of: {', '.join(known)}"
            wrong = wrong + did_you_mean(key, (*OPTIONS, *FLAGS)) if wrong else _wrong(key, value)
            if not wrong and key in found:
                wrong = "the option stands here twice"
            if not wrong:
                found[key] = value
            elif strict or key in OPTIONS:
                self._note(line, wrong, shown(word))
        if "rollback" in found and (asks := {"confirm", "approve", "on-fail"} & set(found)):
            self._note(line, f"a rollback block takes no {min(asks)}: it always runs after a failure", "rollback")
        return found

    def _note(self, line: int, message: str, got: str) -> None:
        self.mistakes.append(Mistake(self.file, line, 1, "", message, got))


def _wrong(key: str, value: str) -> str:
    """What would be right for this option; empty if the value is."""
    try:
        if key == "timeout" and not (len(value) <= 32 and 0.1 <= parse_duration(value) <= 86400):
            return "timeout= needs a time from 100ms to 1d, such as 30s"
        if key == "when":
            condition.read(value)
    except ValueError as error:
        return f"{key}= needs a time such as 30s" if key == "timeout" else str(error)
    if key == "on-fail" and not re.fullmatch(shelf.SAFE_NAME, value):
        return f"on-fail= needs {', '.join(ANSWERS)} or the name of a runbook"
    if key == "approve" and not re.fullmatch("[1-9]", value):
        return "approve= needs how many different people must allow it, from 1 to 9"
    if key == "os" and not set(value.split(",")) <= set(SYSTEMS):
        return f"os= needs one or more of: {','.join(SYSTEMS)}"
    return ""


def _systems(language: str, before: str) -> tuple[str, ...]:
    """For which systems a script is meant: those that the sentence before it names, else those that have its shell."""
    if language == "wd":
        return ()
    usual = ("windows",) if language == "powershell" else ("linux", "macos")
    named = {found.lower().replace(" ", "") for found in _NAMED.findall(before)}
    told = {"linux", "macos"} if "unix" in named else named
    return tuple(system for system in SYSTEMS if system in told) or usual


def _steps(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines that hold a step; a backslash at the end joins the next line to it."""
    begun, joined = 0, ""
    for number, line in lines:
        text = _without_comment(line).strip()
        if text.endswith("\\") and not text.endswith("\\\\"):
            begun, joined = begun or number, joined + text[:-1] + " "
            continue
        if whole := (joined + text).strip():
            yield begun or number, whole
        begun, joined = 0, ""
    if joined.strip():
        yield begun, joined.strip()


def _without_comment(line: str) -> str:
    """Cut at a # that begins a word outside of quotes: an address may hold one in its middle."""
    quote, before = "", " "
    for at, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "#" and before.isspace():
            return line[:at]
        before = character
    return line
