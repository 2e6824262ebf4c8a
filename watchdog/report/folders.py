"""What stands in an incident's folder beside the report: the evidence's manifests and its series."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from watchdog.model.probing import Sample
from watchdog.report.curves import bytes_shown, count_shown, curve, percent_shown, seconds_shown
from watchdog.report.page import Curve, Kept
from watchdog.system.disk import files
from watchdog.text.language import translated
from watchdog.text.printable import printable

SAMPLES = "samples.json"
_MOST = 20_000_000  # bytes read of one file
_SHOWN = {"B": bytes_shown, "%": percent_shown, "s": seconds_shown}


def manifests(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, manifest) of each evidence folder, in the order in which they were made."""
    found = [path for path in folder.glob("evidence*") if path.is_dir() and not path.is_symlink()]
    for path in sorted(found, key=lambda path: (len(path.name), path.name)):
        manifest = read_json(path / "manifest.json")
        yield path.name, manifest if isinstance(manifest, dict) else {}


def kept(folder: Path) -> tuple[tuple[str, ...], tuple[Kept, ...], tuple[str, ...]]:
    """(folders, files, what could not be had)."""
    names, found, missing = [], [], []
    for name, manifest in manifests(folder):
        names.append(name)
        if not manifest:
            missing.append(translated("{name}: there is no manifest, so the snapshot was cut off", name=name))
        for one in manifest.get("artifacts") or ():
            path, error, source = str(one.get("path") or ""), one.get("error"), str(one.get("source") or "")
            if error:
                missing.append(": ".join(filter(None, (f"{name}/{path or one.get('kind')}", source, str(error)))))
            if path:
                size, seconds = int(one.get("bytes") or 0), float(one.get("seconds") or 0)
                digest = str(one.get("sha256") or "")
                found.append(Kept(str(one.get("kind")), f"{name}/{path}", digest, size, seconds, source))
    return tuple(names), tuple(found), tuple(missing)


def commands(folder: Path) -> dict[int, str]:
    """Command lines of the processes that the evidence saw."""
    found: dict[int, str] = {}
    for name, _ in manifests(folder):
        processes = read_json(folder / name / "processes.json")
        for target in processes.get("targets", ()) if isinstance(processes, dict) else ():
            words = target.get("cmdline") or [f"[{target.get('name')}]"]
            found[int(target.get("pid") or 0)] = " ".join(str(word) for word in words)
    return found


def save_samples(folder: files.Folder, samples: Sequence[Sample]) -> None:
    """Kept beside the report, so that it can be made again when the journal has thinned them."""
    folder.write(SAMPLES, json.dumps([asdict(sample) for sample in samples]))


def curves(folder: Path) -> tuple[Curve, ...]:
    """Memory, CPU, threads and open files while it was looked at; and what the probes measured before."""
    found: list[Curve | None] = []
    for name, _ in manifests(folder):
        series = read_json(folder / name / "series.json")
        if isinstance(series, list) and len(series) > 1:
            found += _looked_at(series, "" if name == "evidence" else f" ({name})")
    samples = read_json(folder / SAMPLES)
    if isinstance(samples, list):
        found += _probed(samples)
    return tuple(one for one in found if one is not None)


def _looked_at(series: list[Any], where: str) -> list[Curve | None]:
    def points(key: str) -> list[tuple[float, float]]:
        return [(float(one["at"]), float(one[key])) for one in series if one.get(key) is not None]

    busy = points("cpu_percent")
    if len(busy) == 1:  # measured once, between two looks
        busy = [(points("rss")[0][0], busy[0][1]), *busy]
    return [
        curve(translated("Memory of the server") + where, points("rss"), bytes_shown),
        curve(translated("CPU of the server") + where, busy, percent_shown, whole=100.0),
        curve(translated("Threads") + where, points("threads"), count_shown),
    ]


def _probed(samples: list[Any]) -> list[Curve | None]:
    by_probe: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for one in samples:
        if one.get("value") is not None:
            key = (str(one.get("probe")), str(one.get("unit") or ""))
            by_probe.setdefault(key, []).append((float(one["at"]), float(one["value"])))
    return [
        curve(translated("Probe {name}", name=printable(name)), points, _SHOWN.get(unit, count_shown))
        for (name, unit), points in sorted(by_probe.items())
    ]


def read_json(path: Path) -> Any:
    """What an evidence file holds; None if it cannot be read or is too large."""
    data, size, _modified, error = files.tail_bytes(path, _MOST)
    if error or size > _MOST:
        return None
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
