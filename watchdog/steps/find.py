"""`wd find` and `wd ps`: which processes are meant, and every Python server there is."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from watchdog.model.process import Member, Tree, Verdict, target_record
from watchdog.steps import port_playbooks
from watchdog.steps.cpu_use import CpuUse
from watchdog.steps.spec import Context, StepResult
from watchdog.system import clock
from watchdog.system.net import ports
from watchdog.system.process import processes, rights
from watchdog.targets import portless, resolve, servers
from watchdog.targets.scene import Scene
from watchdog.targets.unseen import nothing_matched, refuse_unseen
from watchdog.text.redact import redact_data
from watchdog.text.shown import joined, shown
from watchdog.text.units import format_duration, format_size

if TYPE_CHECKING:
    from watchdog.steps.doing import Doing

_QUICK = 1.5  # seconds that a server gets to answer before find or ps says that it hangs


def find(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Every process of the servers that are meant, one a row."""
    scene = None if context.selector.empty else Scene.look(processes.thin_table())
    found = resolve.look(context.selector, context.playbook, scene, context.started)
    if not found.trees:
        refuse_unseen(context.selector.port, "nothing was found")
        if context.selector.empty:
            raise nothing_matched(context.selector)
        return _nothing(f"nothing matches {context.selector}", found.left_out)
    use = CpuUse(found.trees)
    verdicts = _verdicts(found.trees, context)
    if len(found.trees) == 1:
        context.found.tree = found.trees[0]
    rows = []
    usage = use.percent()
    for tree, told in zip(found.trees, verdicts, strict=True):
        rows += [target_record(member, tree, told, usage.get(member.process.pid, 0.0)) for member in tree.members]
    for text in found.left_out:
        context.say(f"left out: {text}")
    count = len(rows)
    return StepResult(
        "ok",
        f"{count} process{'es' * (count > 1)} of {len(found.trees)} server{'s' * (len(found.trees) > 1)}",
        data={"targets": count, "left_out": list(found.left_out)},
        rows=tuple(rows),
        text=_tree_text(found.trees, verdicts, usage),
    )


def ps(context: Context, options: Mapping[str, Any]) -> StepResult:
    """Every Python server and worker (with `all` every server), one a row, as its root; with `hung` those that hang."""
    hung_only = bool(options.get("hung"))
    scene = Scene.look(processes.thin_table())
    everybody = servers.all_servers(scene)
    listed = [tree for tree in everybody if tree.members and (options.get("all") or servers.runs_python(tree))]
    others = portless.without_port(scene, {pid for tree in everybody for pid in tree.pids})
    use, looking = CpuUse([*listed, *others]), _Looking(others, hung_only)
    answers = _answers(listed, context, hung_only)
    looking.wait()
    pairs = [*zip(listed, answers, strict=True), *((tree, looking.verdict(tree)) for tree in others)]
    pairs = [(tree, told) for tree, told in pairs if told == "hung" or not hung_only]
    if unseen := () if rights.sees_all() else sorted({one.port for one in ports.hidden()}):
        hidden = ", ".join(map(str, unseen[:10])) + (" …" if len(unseen) > 10 else "")
        context.say(f"not seen: who listens on port {hidden}. {rights.remedy()}")
    usage = use.percent()
    pairs = [(tree, told) for tree, told in pairs if _lives(tree)]
    rows = tuple({**_server_row(tree, told, usage), "doing": looking.words(tree)} for tree, told in pairs)
    if not rows:
        what = "server hangs" if hung_only else "server runs"
        return _nothing(f"no {'' if options.get('all') else 'Python '}{what} on this machine", ())
    hung = sum(told == "hung" for _, told in pairs)
    return StepResult(
        "ok",
        f"{len(rows)} server{'s' * (len(rows) > 1)}, {hung} hung",
        data={"servers": len(rows), "hung": hung},
        rows=rows,
        text=_ps_text(rows),
    )


def _answers(trees: Sequence[Tree], context: Context, patient: bool) -> tuple[Verdict, ...]:
    from watchdog.targets import answering

    return answering.ask_all(
        trees, answering.PATIENT if patient else _QUICK, pages=port_playbooks.pages(context, trees)
    )


def _lives(tree: Tree) -> bool:
    """What ended while it was looked at is not a server any more, and its row would be made of what was lost."""
    return any(processes.is_alive(member.process.identity) for member in tree.members)


class _Looking:
    """Looks at what has no port, in the background, while the servers are asked."""

    def __init__(self, trees: Sequence[Tree], patient: bool) -> None:
        self._found: Mapping[int, Doing] = {}
        self._thread = threading.Thread(target=self._look, args=(trees, patient), daemon=True, name="wd-looking")
        if trees:
            self._thread.start()

    def wait(self) -> None:
        if self._thread.ident is not None:
            self._thread.join()

    def verdict(self, tree: Tree) -> Verdict:
        found = self._found.get(tree.root.pid)
        return found.verdict if found else "unknown"

    def words(self, tree: Tree) -> str | None:
        found = self._found.get(tree.root.pid)
        return found.words if found else None

    def _look(self, trees: Sequence[Tree], patient: bool) -> None:
        from watchdog.steps import doing  # here: the diagnosis is imported once there is something to look at

        self._found = doing.of_all(trees, patient)


def _verdicts(trees: Sequence[Tree], context: Context) -> tuple[Verdict, ...]:
    if context.selector.hung:
        told: Verdict = "hung"  # they were asked already
        return (told,) * len(trees)
    from watchdog.targets import answering  # here: HTTP is imported once there is a server to ask

    url = context.playbook.url if context.playbook else None
    return answering.ask_all(trees, _QUICK, url, port_playbooks.pages(context, trees))


def _nothing(message: str, left_out: Sequence[str]) -> StepResult:
    text = joined([message, *(f"left out: {one}" for one in left_out)])
    return StepResult("nothing", message, data={"left_out": list(left_out)}, text=text)


def _server_row(tree: Tree, told: Verdict, usage: Mapping[int, float]) -> dict[str, Any]:
    """The root stands for its server: ports, memory and CPU are those of all its processes."""
    pids = tree.pids
    row = target_record(
        Member(tree.root, tree.members[0].role, tree.ports), tree, told, sum(usage.get(pid, 0.0) for pid in pids)
    )
    row["rss"] = sum(member.process.rss for member in tree.members)
    row["pids"] = list(pids)
    row["uptime"] = round(max(0.0, clock.now() - tree.root.started), 1)
    return row


_PS_HEAD = ("PID", "PORTS", "VERDICT", "FRAMEWORK", "USER", "UP", "MEMORY", "CPU", "QUEUE", "PROCESSES", "COMMAND")
_PORTS = 3  # of one server, in a line
_DOING = 140  # characters of what a program without a port does


def _ps_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """One table; what a program without a port does now stands in a line below it."""
    lines = _table([_PS_HEAD, *(_ps_line(row) for row in rows)]).splitlines()
    notes = [(str(row["pid"]), shown(row["doing"], _DOING)) for row in rows if row["doing"]]
    return "\n".join(
        [*lines, *(["", "what those without a port do now:", *_table(notes).splitlines()] if notes else [])]
    )


def _ports(found: Sequence[int]) -> str:
    """The first few, and how many more: one server with many would push every other line off the screen."""
    more = f"+{len(found) - _PORTS}" if len(found) > _PORTS else ""
    return ",".join(map(str, found[:_PORTS])) + more or "-"


def _ps_line(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(row["pid"]),
        _ports(row["ports"]),
        str(row["verdict"]),
        row["framework"] or "-",
        str(row["user"]),
        format_duration(row["uptime"]),
        format_size(row["rss"]),
        f"{row['cpu_percent']:.0f}%",
        str(row["accept_queue"]),
        str(len(row["pids"])),
        _short(row["cmdline"], row["name"]),
    )


def _tree_text(trees: Sequence[Tree], verdicts: Sequence[Verdict], usage: Mapping[int, float]) -> str:
    lines = [("PID", "ROLE", "PORTS", "VERDICT", "USER", "UP", "MEMORY", "CPU", "COMMAND")]
    for tree, told in zip(trees, verdicts, strict=True):
        for member in tree.members:
            process = member.process
            lines.append(
                (
                    str(process.pid),
                    member.role,
                    _ports(member.ports),
                    told,
                    process.user,
                    format_duration(max(0.0, clock.now() - process.started)),
                    format_size(process.rss),
                    f"{usage.get(process.pid, 0.0):.0f}%",
                    _short(process.cmdline, process.name),
                )
            )
    notes = [f"managed by {tree.manager} (pid {tree.root.pid})" for tree in trees if tree.manager]
    return "\n".join([_table(lines), joined(notes)] if notes else [_table(lines)])


def _table(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return joined(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _short(cmdline: Sequence[str] | None, name: str) -> str:
    return shown(" ".join(redact_data(cmdline)) if cmdline else f"[{name}]", 100)
