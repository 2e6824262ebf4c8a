"""Wrong words get a short clear answer and code 3 (5 where a guard refuses), never a traceback."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from watchdog.cli.main import call
from watchdog.steps.registry import SPECS

WRONG: list[list[str]] = [
    ["kil"],
    ["kill", "--port"],
    ["kill", "--port", "abc"],
    ["kill", "--port", "0"],
    ["kill", "--port", "65536"],
    ["kill", "--port", "-1"],
    ["kill", "--port", "8_0"],
    ["kill", "--port", "١٢"],
    ["kill", ":"],
    ["kill", ":http"],
    ["kill", ":80:80"],
    ["kill", "8000"],
    ["kill", "--pid", "0"],
    ["kill", "--pid", "-1"],
    ["kill", "--pid", "1_0"],
    ["kill", "--pid", "１２"],
    ["kill", "--pid", " 12"],
    ["kill", "--pid", ""],
    ["kill", "--pid", "99999999999999999999"],
    ["kill", "--grace", "5"],
    ["kill", "--grace", "-5s"],
    ["kill", "--grace", "soon"],
    ["kill", "--gracee", "5s"],
    ["kill", "--cmdline", "'open quotation"],
    ["find", "--within", "never", ":8000"],
    ["why", ":8000", "--within", "10 s"],
    ["snapshot", ":8000", "--within", "∞"],
    ["ps", "-o", "xml"],
    ["ps", "--hungry"],
    ["verify", "--healthy", "three"],
    ["run"],
    ["run", "no-such-runbook"],
    ["run", "frozen-server", "--set", "novalue"],
    ["start"],
    ["find", "--service", "nobody"],
    ["incidents", "lst"],
    ["--nonsense"],
    ["http"],
    ["guard"],
    ["guard", "--to"],
    ["top"],
    ["kill", ":1", ":2"],
    ["kill", ":1", "--port", "2"],
    ["kill", "--port", "1", "--port", "1"],
    ["kill", "--pid", "2", "--pid", "3"],
    ["kill", "--service", "a", "--service", "b"],
    ["kill", "--worker"],
    ["kill", "-"],
    ["restart", "a", "b"],
    ["stop"],
    ["restart"],
    ["stop", "no-such-service"],
    ["find"],
    ["find", ":0"],
    ["find", ":70000"],
    ["find", "--cmdline", "(", "--regex"],
    ["why", ":"],
    ["why", "::"],
    ["why", ":٣"],
    ["why", "--pid", "abc"],
    ["snapshot"],
    ["verify"],
    ["verify", "--url", "shop"],
    ["verify", "--url", "ftp://shop/"],
    ["verify", "--url", "http://"],
    ["verify", "--url", "http://[::1"],
    ["verify", "--healthy", "0", "--url", "http://127.0.0.1:1/"],
    ["run", "./no-such-file.md"],
    ["run", "/etc/passwd"],
    ["run", "frozen-server"],
    ["run", "frozen-server", "--set"],
    ["run", "dead-server", "--set", "healthy=0"],
    ["incidents", "list", "--since", "soon"],
    ["incidents", "log", "--since", "1x"],
    ["incidents", "note", "last"],
    ["status", "no-such-service"],
    ["explain"],
    ["replay", "--since", "soon"],
    ["snooze"],
    ["snooze", "a", "--for", "2"],
    ["resume"],
    ["ack"],
    ["ack", "no-such-service"],
    ["watch"],
    ["tick"],
    ["watch", "--no-such-option"],
    ["schedule", "install", "--as", "windows"],
    ["leak", "call"],
    ["leak", "watch"],
    ["workers", "--peak-users", "-3"],
    ["guard", "--to", "/nowhere/at/all"],
    ["runbooks", "show"],
    ["runbooks", "show", "no-such-runbook"],
    ["init", __file__],
    ["init", "--from"],
    ["init", "--from", "8000"],
    ["notify"],
    ["notify", "--service", "a"],
    ["logs"],
    ["completion"],
    ["completion", "tcsh"],
    ["exec"],
    ["exec", "--timeout", "x", "--", "true"],
    ["wait"],
    ["wait", "soon"],
    ["wait", "--until-healthy", "1s"],
    ["--home"],
    ["--home", "/nowhere", "ps"],
    [""],
]


def test_a_hundred_wrong_lines_are_tried() -> None:
    assert len(WRONG) >= 100


@pytest.fixture(autouse=True)
def nowhere(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No home is found, and what is written goes into the test's folder."""
    for name in ("WD_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(folder / name))
    monkeypatch.delenv("WD_HOME")
    monkeypatch.chdir(folder)


@pytest.mark.parametrize("words", WRONG, ids=" ".join)
def test_wrong_words_get_a_clear_message_and_code_three(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = call(words)
    told = capsys.readouterr()
    assert code in (3, 5), told.err
    assert "Traceback" not in told.err + told.out
    assert "defect" not in told.err
    assert told.out == ""
    assert told.err.startswith("wd: ")
    assert len(told.err.splitlines()) <= 4


@pytest.mark.parametrize("words", [one for one in WRONG if not {"--", "-o"} & {*one}], ids=" ".join)
def test_wrong_words_with_json_end_with_one_result_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    code = call(["-o", "json", *words])
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert code in (3, 5) and result["outcome"] == {3: "unknown", 5: "refused"}[code]
    assert result["error"]["what"]


@pytest.mark.parametrize(
    "words", [["kill"], ["kill", "--all"], ["kill", "--force", "--yes"], ["kill", "--cmdline", ""]]
)
def test_an_empty_selector_means_nothing_and_never_everything(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(words) == 5
    assert "nothing was selected" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "{}", "nonsense", '{"pid": 1}', '{"identity": "x:1:1"}', "[" * 5000, '{"identity": 5}']
)
def test_what_comes_through_a_pipe_is_read_strictly(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    assert call(["kill", "-"]) in (3, 5)
    assert "Traceback" not in capsys.readouterr().err


def test_a_mistyped_command_gets_the_nearest_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["statsu"]) == 3
    assert "wd status" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["kil", "top", "stpo", "restrat", "strat", "rnu"])
def test_a_command_that_ends_or_starts_a_server_is_never_proposed(
    word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call([word]) == 3
    told = capsys.readouterr().err
    assert f"unknown command: wd {word}" in told
    assert not [name for name, spec in SPECS.items() if spec.changes and f"`wd {name}`" in told]


@pytest.mark.parametrize(
    "words", [["-o", "json"], ["-ojson"], ["--output=json"], ["--output", "json"]], ids=lambda words: " ".join(words)
)
@pytest.mark.parametrize(
    "wrong",
    [["kil"], ["kill"], ["kill", "--port", "abc"], ["guard"], ["find", ":1"], ["start", "no"], ["ps", "--x"]],
)
def test_json_ends_with_one_result_line_also_for_a_mistake(
    wrong: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = call([*wrong, *words] if wrong != ["kil"] else [*words, *wrong])
    (line,) = capsys.readouterr().out.splitlines()
    result = json.loads(line)
    assert code in (3, 4, 5) and set(result["error"]) == {"what", "why", "todo"} and result["error"]["what"]
    assert result["outcome"] == {3: "unknown", 4: "nothing", 5: "refused"}[code]


@pytest.fixture
def shop(folder: Path) -> Path:
    assert call(["init", str(folder / "home")]) == 0
    return folder / "home"


@pytest.mark.parametrize(
    "words",
    ["status", "tick", "replay", "incidents list", "schedule show", "schedule install", "explain",
     "snooze --for 1m", "why", "find", "check", "verify", "run frozen-server", "snapshot", "leak watch", "workers"],
)  # fmt: skip
def test_an_unknown_service_is_an_error_with_the_nearest_name(
    words: str, shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert call(["--home", str(shop), *words.split(), "--service", "exmaple"]) == 3
    told = capsys.readouterr()
    assert "no playbook for the service 'exmaple'; did you mean 'example'?" in told.err and told.out == ""


@pytest.mark.posix("Windows has Task Scheduler in the place of cron")
def test_an_unknown_service_is_told_before_a_missing_crontab(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # with no program in it
    capsys.readouterr()
    assert call(["--home", str(shop), "schedule", "show", "--service", "exmaple"]) == 3
    assert "did you mean 'example'?" in capsys.readouterr().err
    assert call(["--home", str(shop), "schedule", "show"]) == 3
    assert "there is no crontab command here" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["why"], ["find"], ["snapshot"], ["leak", "watch"], ["explain"], ["check"]])
def test_a_command_that_only_looks_and_got_no_name_is_wrong_usage(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(words) == 3
    told = capsys.readouterr().err
    assert "was named" in told and "Name one" in told and "nothing matches nothing" not in told
