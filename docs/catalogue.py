"""Collects the sentences that can be translated, and compiles the translations: python docs/catalogue.py

It writes wd.pot, brings each LANGUAGE.po up to date (new sentences have no translation yet, what is not used any more
goes), and compiles it to LANGUAGE.mo, which is what wd reads. Needs Babel.
"""

from __future__ import annotations

import importlib
import io
import pkgutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from babel.messages import pofile
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo

from watchdog.diagnosis import rules
from watchdog.fleet import records
from watchdog.model import causes, finding, incident, probing, process
from watchdog.probes.registry import KINDS
from watchdog.steps import spec
from watchdog.text.language import ENGLISH, FOLDER, LANGUAGES
from watchdog.text.retelling import INDEX, KIND

sys.path.insert(0, str(Path(__file__).parent))

import recorded

ROOT = Path(__file__).parents[1]
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)  # the same translations are the same bytes
_FILES = [("**.py", "python"), ("**.j2", "jinja2.ext:babel_extract")]
_KEYWORDS: Any = {
    "_": None, "marked": None, "translated": None, "ngettext": (1, 2), "translated_count": (1, 2),
}  # fmt: skip


def words() -> Iterator[tuple[str, str]]:
    """(kind, word) of the fixed lists, which stand in the records of `model/` and `steps/`."""
    lists: dict[str, tuple[str, ...]] = {
        "run": (*get_args(incident.RunOutcome), "given up"),
        "step": (*get_args(spec.StepOutcome), "running", "waiting", "not run"),
        "check": get_args(probing.CheckState),
        "answer": get_args(probing.SampleVerdict),
        "service": (*get_args(probing.SampleVerdict), "stopped"),
        "server": get_args(process.Verdict),
        "host": get_args(records.Stage),
        "certainty": get_args(finding.Certainty),
        "advice": get_args(causes.Advice),
        "signal": ("by itself", "unknown"),
        "day": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
        "window": ("day", "week", "month"),
        "probe": tuple(kind.weak for kind in KINDS.values() if kind.weak),
        "prevent": tuple(prevention()),
    }
    for kind, found in lists.items():
        yield from ((kind, word) for word in found)


def prevention() -> Iterator[str]:
    """What the rules of the diagnosis say against a cause: each text that stands in a constant PREVENT…"""
    for one in pkgutil.iter_modules(rules.__path__):
        module = importlib.import_module(f"{rules.__name__}.{one.name}")
        for name, text in vars(module).items():
            if name.startswith("PREVENT") and isinstance(text, str):
                yield text


def template() -> Catalog:
    """Every sentence, without a translation."""
    made = Catalog(project="wd", charset="utf-8", fuzzy=False)
    options = {"**.j2": {"silent": "false"}}
    for _name, _line, message, _comments, context in extract_from_dir(
        ROOT / "watchdog", _FILES, options_map=options, keywords=_KEYWORDS
    ):
        made.add(message, context=context)
    for cause in causes.CAUSES.values():
        made.add(cause.meaning)
    for kind, word in words():
        made.add(word, context=kind)
    for text in sorted(retold()):
        made.add(text, context=KIND)
    return made


def retold() -> set[str]:
    """The templates of the record that the code still has and some language translates: not all are worth it."""
    in_code = recorded.templates()
    others = (known(language) for language in LANGUAGES if language != ENGLISH)
    return {one.id for catalogue in others for one in catalogue if one.context == KIND and one.id in in_code}


def as_text(catalogue: Catalog) -> str:
    """In the order of the sentences, without places and dates: a change of the code around them changes nothing."""
    out = io.BytesIO()
    pofile.write_po(out, catalogue, width=120, no_location=True, omit_header=True, sort_output=True)
    return out.getvalue().decode()


def known(language: str) -> Catalog:
    """The translations as they are."""
    path = FOLDER / f"{language}.po"
    with path.open("rb") if path.is_file() else io.BytesIO() as file:
        return pofile.read_po(file, locale=language, charset="utf-8")


def compiled(catalogue: Catalog) -> bytes:
    """What has a translation, as gettext reads it."""
    made = Catalog(locale=catalogue.locale, charset="utf-8", creation_date=_ANY_DAY, revision_date=_ANY_DAY)
    for message in catalogue:
        if message.id and message.string:
            made.add(message.id, message.string, context=message.context)
    text, kind = INDEX
    made.add(text, "\n".join(sorted(one.id for one in made if one.context == KIND)), context=kind)
    out = io.BytesIO()
    write_mo(out, made)
    return out.getvalue()


def main() -> None:
    """Write all of it."""
    FOLDER.mkdir(exist_ok=True)
    found = template()
    (FOLDER / "wd.pot").write_text(as_text(found), encoding="utf-8")
    for language in LANGUAGES:
        if language == ENGLISH:
            continue
        catalogue = known(language)
        catalogue.update(found, no_fuzzy_matching=True)
        for text, _kind in catalogue.obsolete:
            sys.stdout.write(f"not in the code any more: {text}\n")
        catalogue.obsolete.clear()
        (FOLDER / f"{language}.po").write_text(as_text(catalogue), encoding="utf-8")
        (FOLDER / f"{language}.mo").write_bytes(compiled(known(language)))
        missing = sum(1 for message in catalogue if message.id and not message.string)
        sys.stdout.write(f"{language}: {len(catalogue)} sentences, {missing} without a translation\n")


if __name__ == "__main__":
    main()
