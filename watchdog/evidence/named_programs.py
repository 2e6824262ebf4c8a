"""What launchers were told to run: by a file of settings that their source names, a variable or an argument.

A launcher is a Python program with a child that runs another Python program. It runs another one than it was told if a
program that exists is named to it and runs nowhere in the server, while what runs is named nowhere.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping

from watchdog.model.evidence import OtherChoice, SourceFile
from watchdog.model.process import Process
from watchdog.system.disk import target_files
from watchdog.system.process import processes
from watchdog.system.process.rights import Rights
from watchdog.targets import programs

_SETTINGS = re.compile(r"[\w./~+-]{0,200}\.(ini|cfg|conf|toml|ya?ml|json|env|properties|txt|service)|Procfile")
_COMMENT = re.compile(r"^\s*[#;].*$", re.MULTILINE)
_SCRIPT = re.compile(r"(?<![\w./-])[\w./-]{1,200}\.py(?![\w./:-])")
_SPEC = re.compile(r"(?<![\w./-])[A-Za-z_][\w.]{0,200}:[A-Za-z_]\w{0,60}(?![\w./:-])")  # "shop.api:app"
_LARGEST, _MOST = 100_000, 20  # bytes of a file of settings, files
_SECONDS = 0.5


def launchers(known: Mapping[int, Process]) -> Iterator[tuple[Process, Process]]:
    """(launcher, what it runs) for each Python program that a Python program of the server started."""
    for child in known.values():
        parent = known.get(child.parent)
        if parent is None or child.ended or not (programs.is_python(parent) and programs.is_python(child)):
            continue
        if child.forked or programs.is_forked(child, parent) or programs.is_tracker(child):
            continue
        if application(child) and application(child) != application(parent):
            yield parent, child


def application(process: Process) -> str:
    """The script, module or "module:attribute" that a Python process runs; empty where its words tell none."""
    found = programs.program(process)
    if found.inline or found.titled:
        return ""
    return next((word for word in found.words[1:] if _SPEC.fullmatch(word)), found.words[0])


def other_choice(
    launcher: Process,
    child: Process,
    known: Mapping[int, Process],
    sources: Iterable[SourceFile],
    rights: Rights | None,
) -> OtherChoice | None:
    """What the launcher was told and does not run, where what it runs is not named to it; else None."""
    runs, code = application(child), list(sources)
    constants = [text for source in code for text in _constants(source)]
    variables = processes.environment(launcher.pid, within=_SECONDS) or {}
    told = [("its command line", word) for word in programs.program(launcher).words[1:]]
    told += [(f"the variable {name}", value) for name, value in variables.items() if name in constants]
    told += _settings(launcher, constants, [source.path for source in code], rights)
    texts = [*variables.values(), *(text for _, text in told)]
    if any(_names(text, name) for text in texts for name in (runs, *_told_parts(runs, constants))):
        return None
    running = " ".join(word for one in known.values() if one.pid != launcher.pid for word in one.words)
    wanted = [(word, place) for place, text in told for word in _programs_in(text) if not _names(running, word)]
    there = _there(launcher, [word for word, _ in wanted], rights)
    for word, place in wanted:
        if word in there:
            named = any(_names(text, runs) for text in constants)
            return OtherChoice(launcher.pid, child.pid, programs.last_part(runs), word, place, named)
    return None


def _settings(
    launcher: Process, constants: Iterable[str], code: Iterable[str], rights: Rights | None
) -> list[tuple[str, str]]:
    """(name, text without comments) of the files of settings that the source or the arguments name."""
    words = [word.rpartition("=")[2] for word in launcher.words[1:]]
    names = [text for text in (*words, *constants) if _SETTINGS.fullmatch(text)]
    folders = [launcher.cwd or "/", *map(posixpath.dirname, code)]
    paths = [posixpath.normpath(posixpath.join(folder, name)) for name in names for folder in folders]
    parts = target_files.read_files(rights, list(dict.fromkeys(paths))[:_MOST], _LARGEST)
    return [
        (posixpath.basename(path), _COMMENT.sub("", part.data.decode("utf-8", "replace")))
        for path, part in parts.items()
        if part.error is None
    ]


def _programs_in(text: str) -> list[str]:
    return [found[0] for pattern in (_SCRIPT, _SPEC) for found in pattern.finditer(text)]


def _names(text: str, program: str) -> bool:
    """Whether the text has the name of the program as a word, with or without its ending."""
    stem = programs.last_part(program.partition(":")[0]).removesuffix(".py").rpartition(".")[2]
    return re.search(rf"(?<!\w){re.escape(stem)}(?!\w)", text) is not None


def _told_parts(runs: str, constants: Iterable[str]) -> list[str]:
    """What is left of the program's name without the text that the code adds to it: "shop" where the code says
    `f"{name}_front.py"`."""
    name = programs.last_part(runs)
    ends = (name.removesuffix(text) for text in constants if len(text) > len(".py") and name.endswith(text))
    begins = (name.removesuffix(".py").removeprefix(text) for text in constants if text and name.startswith(text))
    return [part for part in (*ends, *begins) if part]


def _there(launcher: Process, words: Iterable[str], rights: Rights | None) -> frozenset[str]:
    """Those of the programs that lie in the launcher's folder, or where their path says."""
    places: dict[str, list[str]] = {}
    for word in words:
        path = word if word.endswith(".py") else word.partition(":")[0].replace(".", "/")
        ends = [path] if word.endswith(".py") else [f"{path}.py", f"{path}/__init__.py"]
        places[word] = [posixpath.normpath(posixpath.join(launcher.cwd or "/", end)) for end in ends]
    seen = target_files.present(rights, [path for several in places.values() for path in several])
    return frozenset(word for word, several in places.items() if seen & set(several))


def _constants(source: SourceFile) -> list[str]:
    """The texts in the code, without docstrings."""
    try:
        tree = ast.parse("\n".join(line for _, line in source.lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    stated = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    return [
        one.value
        for one in ast.walk(tree)
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in stated
    ]
