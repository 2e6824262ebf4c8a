"""A Markdown document becomes blocks and a plan: what is run, in which order, and what is only for the reader."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from watchdog.model.errors import BadConfig, Refused, WrongUsage
from watchdog.model.procedure import Runbook
from watchdog.runbook import document
from watchdog.runbook.plan import make_plan
from watchdog.system import here

FROZEN = """\
---
summary: A server no longer answers
  and Ctrl-C does nothing.
parameters:
  grace: 5s
  url: {help: where it is reset}
---
# Frozen

Prose with `code` and a block for the reader:

    wd run frozen

```wd
# evidence first
snapshot --within 5s   # never in the way

http {{ url }}#top --timeout 2s
notify "# not a remark" \\
       two
```

## Kill

```wd timeout=30s on-fail=escalate when="why.cause in (a, b)"
kill --grace {{ grace }}
```

```python
print("for the reader")
```

- in a list

  ~~~wd os=linux,macos,windows
  report
  ~~~
"""


def read(text: str, name: str = "frozen") -> Runbook:
    return document.read(text.encode(), f"home/runbooks/{name}.md", name)


def mistakes(text: str) -> list[str]:
    with pytest.raises(BadConfig) as caught:
        read(text)
    return [line.removeprefix("home/runbooks/") for line in caught.value.mistakes]


def test_the_blocks_of_a_document_are_found_with_their_lines_and_options() -> None:
    runbook = read(FROZEN)
    assert runbook.summary == "A server no longer answers and Ctrl-C does nothing."
    first, kill, report = runbook.blocks
    assert first.lines == (
        (16, "snapshot --within 5s"),
        (18, "http {{ url }}#top --timeout 2s"),
        (19, 'notify "# not a remark"  two'),
    )
    assert (first.timeout, first.on_fail, first.given, first.heading) == (None, "stop", (), "Frozen")
    assert (kill.timeout, kill.on_fail, kill.when) == (30.0, "escalate", "why.cause in (a, b)")
    assert (kill.line, kill.heading) == (25, "Kill")
    assert report.lines == ((36, "report"),)


def test_the_plan_holds_the_very_words_that_will_run() -> None:
    plan = make_plan(read(FROZEN), {"url": "http://x/; rm -rf /"}, "shop")
    assert [call.words for call in plan.calls] == [
        ("snapshot", "--within", "5s"),
        ("http", "http://x/; rm -rf /#top", "--timeout", "2s"),
        ("notify", "# not a remark", "two"),
        ("kill", "--grace", "5s"),
        ("report",),
    ]
    assert [call.block for call in plan.calls] == [0, 0, 0, 1, 2]
    assert plan.calls[3].line == 26


def test_a_value_that_is_missing_or_not_taken_is_told() -> None:
    with pytest.raises(WrongUsage, match=r"needs a value for url \(where it is reset\)"):
        make_plan(read(FROZEN), {}, None)
    with pytest.raises(WrongUsage, match="no parameter 'grase'; did you mean 'grace'"):
        make_plan(read(FROZEN), {"url": "x", "grase": "1s"}, None)


def test_every_line_that_cannot_be_filled_in_is_told_at_once() -> None:
    runbook = read("```wd\nkill {{ a.b }}\nwhy\nkill '\nkill {{ nope }}\n```\n")
    with pytest.raises(BadConfig) as caught:
        make_plan(runbook, {}, None)
    assert [line.split(":")[1] for line in caught.value.mistakes] == ["2", "4", "5"]


def test_the_service_of_the_run_can_be_used_in_a_line() -> None:
    runbook = read("```wd\nnotify {{ service }} is down\n```\n")
    assert make_plan(runbook, {}, "shop").calls[0].words == ("notify", "shop", "is", "down")


def test_a_server_that_could_not_be_started_again_is_not_ended() -> None:
    runbook = read("```wd\nkill\nstart\n```\n")
    with pytest.raises(Refused, match="no service was named") as caught:
        make_plan(runbook, {}, None)
    assert "`start`" in caught.value.why
    assert len(make_plan(runbook, {}, "shop").calls) == 2


PROCEDURE = """\
# Freeze

For Windows:

```powershell
Get-Process python
```

On Linux:

```bash
ps aux | grep "$name"

# keep this remark
df -h
```

Everywhere else:

```sh
echo unix
```

```console
$ not run
```
"""


def test_an_ordinary_procedure_is_walked_block_by_block_for_its_systems() -> None:
    runbook = read(PROCEDURE, "procedure")
    assert [(block.language, block.systems) for block in runbook.blocks] == [
        ("powershell", ("windows",)),
        ("bash", ("linux",)),
        ("sh", ("linux", "macos")),
    ]
    assert runbook.summary == "Freeze"


@pytest.mark.skipif(here.NAME != "linux", reason="the expected blocks are those of Linux")
def test_a_script_stays_whole_and_gets_values_as_environment_variables_only() -> None:
    text = "---\nparameters: {name: 'x; touch /pwn'}\n---\n" + PROCEDURE
    bash, sh = make_plan(read(text), {}, "shop").calls
    assert bash.words == ('ps aux | grep "$name"\n\n# keep this remark\ndf -h',)
    assert bash.environment == (("service", "shop"), ("name", "x; touch /pwn"))
    assert sh.language == "sh"


def test_a_document_with_nothing_for_this_system_is_told() -> None:
    other = "windows" if here.NAME != "windows" else "linux"
    with pytest.raises(BadConfig, match="holds nothing to run") as caught:
        make_plan(read(f"```wd os={other}\nwhy\n```\n"), {}, None)
    assert "for this system" in caught.value.why
    with pytest.raises(BadConfig, match="holds nothing to run"):
        make_plan(read("# only prose\n"), {}, None)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("```wd timeout=5\nwhy\n```\n", "frozen.md:1:1: timeout= needs a time such as 30s (got 'timeout=5')"),
        ("```wd timeout=0s\nwhy\n```\n", "from 100ms to 1d"),
        ("\n\n```wd on-fial=stop\nwhy\n```\n", "frozen.md:3:1: an option is one of"),
        ("```wd on-fial=stop\nwhy\n```\n", "did you mean 'on-fail'?"),
        ("```wd on-fail=../x\nwhy\n```\n", "or the name of a runbook"),
        ("```wd os=beos\nwhy\n```\n", "linux,macos,windows"),
        ("```wd when=x\nwhy\n```\n", "a condition is like"),
        ("```wd quick\nwhy\n```\n", "an option is one of"),
        ("```wd rolback\nwhy\n```\n", "did you mean 'rollback'"),
        ("```wd confirm=yes\nwhy\n```\n", "an option is one of"),
        ("```wd approve\nwhy\n```\n", "an option is one of"),
        ("```wd approve=0\nwhy\n```\n", "from 1 to 9"),
        ("```wd approve=two\nwhy\n```\n", "from 1 to 9"),
        ("```wd rollback\nwhy\n```\n", "behind the block that it undoes"),
        ("```wd\nwhy\n```\n```wd rollback\nstart\n```\n```wd rollback\nstart\n```\n", "frozen.md:7:1"),
        ("```wd\nwhy\n```\n```wd rollback approve=2\nstart\n```\n", "takes no approve"),
        ("```wd\nwhy\n```\n```wd rollback on-fail=stop\nstart\n```\n", "takes no on-fail"),
        ("```wd timeout=1s timeout=2s\nwhy\n```\n", "twice"),
        ("```wd when='x\nwhy\n```\n", "is not closed"),
        ("---\nsumary: x\n---\n```wd\nwhy\n```\n", "frozen.md:2:1: sumary: unknown key; did you mean 'summary'?"),
        ("---\nname: other\n---\n```wd\nwhy\n```\n", "frozen.md:2:7: name: the name is that of the file"),
        ("---\nsummary: [x]\n---\n```wd\nwhy\n```\n", "summary: this needs a text"),
        ("---\nparameters: {A-b: 1}\n---\n```wd\nwhy\n```\n", "frozen.md:2:14: parameters.A-b: a parameter's name"),
        ("---\nparameters: {self: 1}\n---\n```wd\nwhy\n```\n", "parameters.self: a parameter's name"),
        ("---\nparameters: {a: [1]}\n---\n```wd\nwhy\n```\n", "parameters.a: this needs a default"),
        ("---\nparameters: {a: {dflt: 1}}\n---\n```wd\nwhy\n```\n", "parameters.a.dflt: known here: default, help"),
        ("---\na: [\n---\n```wd\nwhy\n```\n", "this is not YAML"),
        ("---\n- a\n---\n```wd\nwhy\n```\n", "the header needs lines"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, told: str) -> None:
    assert told in "\n".join(mistakes(text))


def test_the_header_of_another_tool_does_not_hinder_an_ordinary_procedure() -> None:
    runbook = read("---\ntitle: Freeze\ntags: [a, b]\n---\n# Title\n```sh {.numberLines}\nls\n```\n")
    assert (runbook.summary, runbook.blocks[0].line) == ("Title", 6)


def test_a_runbook_of_the_home_comes_before_the_shipped_one_of_its_name(folder: Path) -> None:
    assert "Ctrl-C" in document.find("frozen-server", folder).summary
    (folder / "runbooks").mkdir(mode=0o700)
    (folder / "runbooks" / "frozen-server.md").write_text("# Ours\n```wd\nwhy\n```\n")
    assert document.find("frozen-server", folder).summary == "Ours"


def test_a_document_can_be_named_by_its_path(folder: Path) -> None:
    (folder / "freeze.md").write_text(PROCEDURE)
    assert document.find(str(folder / "freeze.md"), None).name == "freeze"


def test_an_unknown_runbook_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(BadConfig, match="did you mean 'frozen-server'") as caught:
        document.find("frozen-servr", None)
    assert "nightly-check" in caught.value.why


@pytest.mark.parametrize("name", ["../etc/passwd", "/etc/passwd", "x/../../y", "missing.md"])
def test_a_path_that_leads_nowhere_good_is_no_traceback(name: str, folder: Path) -> None:
    with pytest.raises(BadConfig):
        document.find(str(folder / name) if not name.startswith("/") else f"/nowhere{name}", None)


@pytest.mark.parametrize(
    "piece", ["*", "[", "> ", "- ", "```\n", "`", "<a", "a\n", "|", "&", "[x]: y\n", "# ", "    x\n", "<!--"]
)
def test_no_document_takes_long_to_read(piece: str) -> None:
    begun = time.process_time()
    read(piece * (100_000 // len(piece)))
    assert time.process_time() - begun < 5.0
