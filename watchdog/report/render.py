"""The page in its three forms. What strangers wrote is made harmless here, for every value and without being asked."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from jinja2.bccache import Bucket
from markupsafe import Markup, escape

from watchdog.report import words
from watchdog.report.page import Page
from watchdog.text import language
from watchdog.text.printable import printable, printable_lines
from watchdog.text.retelling import retold
from watchdog.text.units import format_size

_TEMPLATES = Path(__file__).parent / "templates"
_FORM = 2  # of compiled templates: another one when a filter is called in another way
LOOK = _TEMPLATES / "report.css"
_MARKDOWN = re.compile(r"([\\`*{}\[\]<>|&~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|^#)")


class Ready(str):
    """Text that is Markdown already."""

    __slots__ = ()


def markdown(page: Page) -> str:
    text = _markdown_environment().get_template("report.md.j2").render(page=page)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def html(page: Page) -> str:
    return _html_environment().get_template("report.html.j2").render(page=page)


@lru_cache(maxsize=1)
def _markdown_environment() -> jinja2.Environment:
    made = _environment(autoescape=False, finalize=_markdown_safe)
    made.globals["_"] = _markdown_sentence
    made.filters |= {"code": _code, "cell": _cell, "command": lambda text: Ready(printable(str(text)))}
    return made


@lru_cache(maxsize=1)
def _html_environment() -> jinja2.Environment:
    return html_environment()


def html_environment(*folders: Path) -> jinja2.Environment:
    """What pages are drawn with: every value is escaped. Templates of these folders stand before those of reports."""
    made = _environment(*folders, autoescape=True, finalize=_html_safe)
    made.globals["_"] = _html_sentence
    made.filters |= {"pre": lambda text: Markup(escape(printable_lines(str(text)))), "prose": _prose}
    made.filters |= {"code": lambda text: Markup("<code>{}</code>").format(printable(str(text)))}
    return made


def _environment(*folders: Path, **settings: Any) -> jinja2.Environment:
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader((*folders, _TEMPLATES)),
        bytecode_cache=_Compiled(),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )
    made.globals |= {"language": language.current, "ngettext": language.translated_count}
    of_reader: dict[str, Callable[..., Any]] = {"retold": retold, "clock": _clock}
    of_reader |= {"down_from": words.down_from, "duration": words.duration, "lasted": words.lasted}
    of_reader |= {"word": language.translated_word, "sentence": words.sentence, "recorded": words.recorded}
    made.filters |= {name: _asked_each_time(one) for name, one in of_reader.items()}
    made.filters["size"] = format_size
    return made


def _asked_each_time(one: Callable[..., Any]) -> Callable[..., Any]:
    """A filter whose value Jinja must not keep: `"waiting" | word("step")` would stay in the language of whoever came
    first, also in the compiled file."""

    @jinja2.pass_context
    def asked(_context: jinja2.runtime.Context, *values: Any) -> Any:
        return one(*values)

    return asked


class _Compiled(jinja2.FileSystemBytecodeCache):
    """Compiled templates, kept where Python keeps our compiled modules: who can write there can change wd itself.

    A home, a state folder or a temporary folder would not do: what lies there may be code that somebody else has put
    there. A file that cannot be read or written only costs the time to compile.
    """

    def __init__(self) -> None:
        super().__init__(str(Path(__file__).parent / "__pycache__"), f"jinja-{jinja2.__version__}-{_FORM}-%s.bin")

    def load_bytecode(self, bucket: Bucket) -> None:
        try:
            super().load_bytecode(bucket)
        except Exception:  # noqa: BLE001 - pickle and marshal raise anything for a file that was cut off
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        if not sys.dont_write_bytecode:
            with contextlib.suppress(OSError):
                super().dump_bytecode(bucket)


def _markdown_safe(value: Any) -> str:
    """Every value that a template shows passes here: one line, nothing in it is taken for markup or for HTML."""
    if isinstance(value, Ready):
        return value
    text = printable("" if value is None else str(value))
    return _MARKDOWN.sub(r"\\\1", text)


def _html_safe(value: Any) -> Any:
    """Jinja escapes; this shows control characters instead of obeying them."""
    if isinstance(value, Markup):
        return value
    return "" if value is None else printable(str(value))


def _markdown_sentence(text: str, /, **values: Any) -> Ready:
    """A sentence of ours, translated; each value in it is made harmless as everywhere."""
    return Ready(language.translated(text, **{name: _markdown_safe(value) for name, value in values.items()}))


def _html_sentence(text: str, /, **values: Any) -> Markup:
    found = Markup(language.translated(text))
    return found.format(**{name: _html_safe(value) for name, value in values.items()}) if values else found


def _prose(value: Any) -> Markup:
    """A sentence in which `code` is set as code. It is escaped first, so nothing else in it is taken for markup."""
    text = "" if value is None else str(escape(printable(str(value))))
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", text))


def _code(value: Any) -> Ready:
    """A code span: its fence is longer than any run of backticks inside."""
    text = printable(str(value))
    if not text.strip():
        return Ready("")
    fence = "`" * (1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    gap = " " if text.startswith("`") or text.endswith("`") else ""
    return Ready(f"{fence}{gap}{text}{gap}{fence}")


def _cell(value: Any) -> Ready:
    """A code span in a table: even there a bar would end the cell."""
    return Ready(_code(value).replace("|", "\\|"))


def _clock(when: float | None) -> str:
    """Date and time where the report is made, with the zone: "2026-01-31 03:00:12 CET"."""
    if when is None:
        return language.translated("not known")
    try:
        return datetime.fromtimestamp(when).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
    except (OSError, OverflowError, ValueError):
        return f"{when:.0f} s after 1970"
