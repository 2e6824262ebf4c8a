"""Runs one function 1, 10, 100 … times in the server's own interpreter and counts what stays behind.

Standard library only, for any Python from 3.8: `wd leak call` hands this file's text to the interpreter of the project.
    python -c TEXT package.module:function 1,10,100 RESULT.json SECONDS [PICTURE.png]
After each round the result so far is written, so that a round that never ends loses only itself.
"""

from __future__ import annotations

import asyncio
import collections
import gc
import importlib
import inspect
import json
import os
import sys
import time
import tracemalloc
import types
from pathlib import Path
from typing import Any

TOP = 15
DEEPEST = 8  # references between an object and what keeps it
MOST_LOOKED_AT = 3000


def load(name: str) -> Any:
    """The function behind "package.module:function" or "package.module:Class.method"."""
    module, _, path = name.partition(":")
    found = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    return found


def caller(function: Any) -> Any:
    """Something to call again and again; coroutines run in one loop that stays."""
    if not inspect.iscoroutinefunction(function):
        return function
    loop = asyncio.new_event_loop()
    return lambda: loop.run_until_complete(function())


def census() -> collections.Counter[type]:
    """Objects by type, after everything that can be collected is."""
    for _ in range(3):
        gc.collect()
    # The dictionary is made before the objects are listed, so that it does not count itself.
    counts: collections.Counter[type] = collections.Counter()
    for one in gc.get_objects():
        counts[type(one)] += 1
    return counts


def type_name(kind: type) -> str:
    module = getattr(kind, "__module__", "")
    return kind.__qualname__ if module in ("builtins", "", None) else f"{module}.{kind.__qualname__}"


def one_round(call: Any, times: int) -> tuple[dict[str, Any], Any]:
    """Calls so often: (what there is more of afterwards, an object that is new and stayed)."""
    traced = tracemalloc.take_snapshot()
    before = census()
    known = {id(one) for one in gc.get_objects()}
    blocks, held = sys.getallocatedblocks(), tracemalloc.get_traced_memory()[0]
    began = time.perf_counter()
    for _ in range(times):
        call()
    seconds = time.perf_counter() - began
    after = census()
    more_blocks, more_held = sys.getallocatedblocks() - blocks, tracemalloc.get_traced_memory()[0] - held
    grown = sorted(((kind, after[kind] - before[kind]) for kind in after), key=lambda one: -one[1])
    ranked = [(kind, count) for kind, count in grown[:TOP] if count >= max(1, times // 2)]
    stayed = newest([kind for kind, _ in ranked], known)
    result: dict[str, Any] = {
        "calls": times,
        "objects": sum(after.values()) - sum(before.values()),
        "blocks": more_blocks,
        "bytes": more_held,
        "seconds": seconds,
        "types": [[type_name(kind), count] for kind, count in ranked],
        "lines": lines(traced, times),
    }
    return result, stayed


def calibrated(call: Any, times: int, empty: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """A round without what the counting itself adds, which an empty round has shown."""
    result, stayed = one_round(call, times)
    for key in ("objects", "blocks", "bytes"):
        result[key] -= empty[key]
    result["types"] = [one for one in result["types"] if one not in empty["types"]]
    return result, stayed


def lines(before: tracemalloc.Snapshot, times: int) -> list[list[Any]]:
    """Where what stayed was made: [file, line, objects, bytes], most first."""
    found: list[list[Any]] = []
    for one in tracemalloc.take_snapshot().compare_to(before, "lineno"):
        frame = one.traceback[0]
        # runpy, this text itself and the tracer are not the program's.
        if one.count_diff <= 0 or frame.filename in ("<string>", tracemalloc.__file__) or frame.filename == __name__:
            continue
        if one.count_diff >= max(1, times // 2):
            found.append([frame.filename, frame.lineno, one.count_diff, one.size_diff])
    return sorted(found, key=lambda one: -one[3])[:TOP]


def nothing() -> None:
    """The call of an empty round."""


def newest(kinds: list[type], known: set[int]) -> Any:
    """An object that was not there before, of the program's own types if one of those grew."""
    telling = sorted(kinds, key=lambda kind: kind.__module__ == "builtins")
    fresh: dict[type, Any] = {}
    for one in gc.get_objects():
        if type(one) in telling and id(one) not in known:
            fresh[type(one)] = one
    for kind in telling:
        if kind in fresh:
            return fresh[kind]
    return None


def chain(target: Any) -> list[str]:
    """How the object is kept, from the module's variable down to it, as text; empty if that cannot be found."""
    queue: collections.deque[tuple[Any, tuple[str, ...]]] = collections.deque([(target, ())])
    seen = {id(target), id(queue)}
    looked = 0
    while queue and looked < MOST_LOOKED_AT:
        here, path = queue.popleft()
        if len(path) >= DEEPEST:
            continue
        referrers = gc.get_referrers(here)
        seen.add(id(referrers))
        for one in referrers:
            if id(one) in seen or isinstance(one, types.FrameType) or one is globals():
                continue
            seen.add(id(one))
            looked += 1
            step = (link(one, here), *path)
            name = module_of(one)
            if name:
                return [name, *step, describe(target)]
            queue.append((one, step))
    return []


def module_of(one: Any) -> str:
    """The name of the module whose variables this dict holds."""
    if isinstance(one, dict) and isinstance(one.get("__name__"), str):
        module = sys.modules.get(one["__name__"])
        if module is not None and vars(module) is one:
            return str(one["__name__"])
    return ""


def link(holder: Any, held: Any) -> str:
    """How the holder leads to what it holds: a name, a key, an index, or its type."""
    if isinstance(holder, dict):
        for key, value in list(holder.items())[:100000]:
            if value is held:
                return f".{key}" if module_of(holder) else f"[{repr(key)[:60]}]"
    if isinstance(holder, (list, tuple)):
        return f"{type(holder).__name__} of {len(holder)}"
    if isinstance(holder, types.CellType):
        return "closure"
    return type_name(type(holder))


def describe(one: Any) -> str:
    try:
        text = repr(one)
    except Exception:  # noqa: BLE001 - a stranger's repr may do anything
        text = ""
    return f"{type_name(type(one))} {text[:80]}"


def picture(target: Any, path: str) -> str:
    """A drawing of the references, where objgraph and graphviz are to be had. The reason where they are not."""
    try:
        import objgraph  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        return "objgraph is not installed in this interpreter"
    try:
        objgraph.show_backrefs([target], max_depth=5, filename=path)
    except Exception as error:  # noqa: BLE001 - the drawing is an extra: without it the text remains
        return f"{type(error).__name__}: {error}"
    return "" if Path(path).exists() else "graphviz (dot) is not installed"


def write(path: str, result: dict[str, Any]) -> None:
    part = Path(path + ".part")
    part.write_text(json.dumps(result), encoding="utf-8")
    part.replace(path)


def main(name: str, rounds: str, path: str, seconds: str, drawing: str = "") -> None:
    end = time.monotonic() + float(seconds)
    sys.path.insert(0, str(Path.cwd()))
    result: dict[str, Any] = {"function": name, "python": sys.version.split()[0], "rounds": []}
    result.update(chain=[], picture="", error="")
    try:
        call = caller(load(name))
    except BaseException as error:  # noqa: BLE001 - an import may even call exit()
        result["error"] = f"{type(error).__name__}: {error}"
        return write(path, result)
    tracemalloc.start()
    one_round(nothing, 1)
    empty, _ = one_round(nothing, 1)
    stayed = None
    for times in [int(part) for part in rounds.split(",")]:
        last = result["rounds"][-1] if result["rounds"] else None
        if last and time.monotonic() + last["seconds"] / last["calls"] * times > end:
            result["error"] = f"no time for {times} calls"
            break
        try:
            one, stayed = calibrated(call, times, empty)
        except BaseException as error:  # noqa: BLE001 - as above
            result["error"] = f"in a call: {type(error).__name__}: {error}"
            break
        result["rounds"].append(one)
        write(path, result)
    if stayed is not None and result["rounds"] and result["rounds"][-1]["objects"] >= result["rounds"][-1]["calls"]:
        result["chain"] = chain(stayed)
        if drawing:
            result["picture"] = picture(stayed, drawing) or drawing
    return write(path, result)


if __name__ == "__main__":
    main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # threads that the function left behind must not keep us
