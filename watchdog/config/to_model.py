"""A checked playbook file as the records of `model/`: paths made absolute, commands as words, defaults filled in."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from watchdog.config.kinds import Check, Probe, Section, Trigger
from watchdog.config.receivers import RouteEntry
from watchdog.config.schema import Find, PlaybookFile, Policy, Sidecar
from watchdog.model import playbook as model
from watchdog.model.routes import Route, Severity
from watchdog.model.selector import Selector

_COMMON = ("every", "timeout", "fails", "lasting", "subject", "run")
Absolute = Callable[[str], str]


def playbook(file: PlaybookFile, home: Path, path: Path) -> model.Playbook:
    """The policy that a file states; `home` is absolute."""

    def absolute(place: str) -> str:
        return os.path.normpath(home / place)

    return model.Playbook(
        service=file.service,
        find=_find(file.find, absolute),
        start=_start(file, absolute),
        logs=tuple(absolute(log) for log in file.logs),
        probes=tuple(_probe(name, one, absolute) for name, one in file.probes.items()),
        checks=tuple(_check(name, one, absolute) for name, one in file.checks.items()),
        triggers=tuple(_trigger(one, absolute) for one in file.triggers),
        policy=_policy(file.policy),
        notify=tuple(map(_route, file.notify)),
        language=file.language,
        sidecar=_sidecar(file.sidecar) if file.sidecar else None,
        path=str(path),
    )


def _route(found: str | RouteEntry) -> Route:
    if isinstance(found, str):
        return Route((found,))
    return Route(found.to, cast(Severity, found.severity), found.hours)


def _sidecar(found: Sidecar) -> model.Sidecar:
    first = dict(model.Sidecar().limits)
    return model.Sidecar(
        framing=cast(Any, found.framing),
        limits=tuple({**first, "": found.limit, **found.limits}.items()),
        restarts=found.restarts,
        healthy=found.healthy,
        queue=found.queue,
        grace=found.grace,
        ping=found.ping or 0.0,
        lossy=found.lossy,
        replay=found.replay,
        handshake=found.handshake,
        terminal=found.terminal,
        deadlocks=found.deadlocks.value / 100,
        drops=found.drops.value / 100,
    )


def _find(find: Find, absolute: Absolute) -> Selector:
    return Selector(
        port=find.port,
        cmdline=find.cmdline or (),
        regex=find.regex,
        user=find.user,
        cwd=absolute(find.cwd) if find.cwd else None,
    )


def _start(file: PlaybookFile, absolute: Absolute) -> model.Start:
    start = file.start
    return model.Start(
        command=start.command or (),
        cwd=absolute(start.cwd or ".") if start.command else None,
        env=tuple(start.env.items()),
        env_file=absolute(start.env_file) if start.env_file else None,
        user=start.user,
        listen=start.listen,
        log=absolute(start.log) if start.log else None,
        fallback=start.fallback or (),
        through=start.through,
        limits=model.Limits(start.limits.memory, start.limits.open_files, start.limits.nice),
        heartbeat=_heartbeat(file.probes.values()),
        ready=model.Ready(**{name: getattr(start.ready, name) for name in type(start.ready).model_fields}),
    )


def _heartbeat(probes: Iterable[Probe]) -> float:
    return next((float(one.subject) for one in probes if one.kind == "heartbeat"), 0.0)  # type: ignore[attr-defined]


def _probe(name: str, probe: Probe, absolute: Absolute) -> model.ProbeSpec:
    about, found = probe.about, _settings(probe, absolute)
    subject = probe.subject  # type: ignore[attr-defined]
    if about.subject.value == "file" or about.file_with in found:
        subject = absolute(subject)
    return model.ProbeSpec(
        name=name,
        kind=probe.kind,
        subject=subject,
        every=probe.every,
        timeout=probe.timeout,
        threshold=replace(probe.fails, lasting=probe.lasting),
        settings=tuple(found.items()),
    )


def _check(name: str, check: Check, absolute: Absolute) -> model.CheckSpec:
    subject = check.subject  # type: ignore[attr-defined]
    return model.CheckSpec(
        name=name,
        kind=check.kind,
        subject=absolute(subject) if check.about.subject.value == "file" else subject,
        timeout=check.timeout,
        settings=tuple(_settings(check, absolute).items()),
    )


def _trigger(trigger: Trigger, absolute: Absolute) -> model.TriggerSpec:
    subject = trigger.subject  # type: ignore[attr-defined]
    kind = trigger.kind
    if kind == "on":
        kind = subject if subject in ("death", "alert") else "probe"
    return model.TriggerSpec(
        kind=cast(Any, kind),
        subject="death" if kind == "death" else f"{subject:g}s" if kind == "every" else subject,
        run=trigger.run,
        every=subject if kind == "every" else 0.0,
        settings=tuple(_settings(trigger, absolute).items()),
    )


def _settings(section: Section, absolute: Absolute) -> dict[str, Any]:
    """The kind's own keys, under their names in the file. A mapping becomes pairs, a path becomes absolute."""
    about = getattr(section, "about", None)
    paths = {"file", *(key.name for key in about.keys if key.value == "file")} if about else {"file"}
    found: dict[str, Any] = {}
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if key in _COMMON or value is None:
            continue
        name = field.alias or key
        value = absolute(value) if name in paths else value
        found[name] = tuple(value.items()) if isinstance(value, Mapping) else value
    return found


def _policy(policy: Policy) -> model.Policy:
    return model.Policy(
        mode=cast(model.Mode, policy.mode),
        backoff=model.Backoff(
            policy.backoff.first, policy.backoff.factor, policy.backoff.most, policy.backoff.reset_after
        ),
        give_up=model.GiveUp(policy.give_up.restarts, policy.give_up.within),
        grace=policy.grace,
        max_kills=policy.max_kills,
        quiet=tuple((window.cron, window.lasting) for window in policy.quiet),
        target=policy.target.value,
        answer_within=policy.answer_within,
        per_hour=policy.per_hour,
        per_hour_everywhere=policy.per_hour_everywhere,
        same_cause=policy.same_cause,
    )
