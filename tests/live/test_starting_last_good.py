"""What has changed since a service last started well is a line of the report; the fallback stands in meanwhile."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from homes import SERVERS
from watching import Home, Service

from watchdog.model.playbook import Start
from watchdog.starting import last_good


def shop(home: Home) -> Service:
    made = home.service("shop", "held.py")
    shutil.copy(SERVERS / "held.py", made.folder / "app.py")
    made.playbook["start"] |= {
        "command": [sys.executable, "app.py", str(made.port), str(made.folder)],
        "ready": {"within": "10s"},
    }
    made.playbook["policy"]["mode"] = "observe"
    made.write()
    done = home.wd("start", "shop")
    assert done.code == 0, done.out + done.err
    return made


def break_it(service: Service) -> None:
    """A new version that does not start."""
    (service.folder / "app.py").write_text("raise SystemExit('a new version that does not start')\n")
    service.playbook["start"]["env"] = {"SHOP_COLOUR": "red"}
    service.write()


def test_a_start_that_fails_says_what_has_changed_since_it_last_worked(home: Home) -> None:
    service = shop(home)
    assert home.wd("stop", "shop", "--yes").code == 0
    break_it(service)
    done = home.wd("start", "shop")
    assert done.code == 2
    assert f"changed file {service.folder / 'app.py'}" in done.err
    assert "new variable SHOP_COLOUR" in done.err


def test_the_report_says_it_and_the_fallback_is_not_taken_for_the_last_good_start(home: Home) -> None:
    service = shop(home)
    shutil.copy(SERVERS / "held.py", service.folder / "stable.py")
    service.playbook["start"]["fallback"] = [sys.executable, "stable.py", str(service.port), str(service.folder)]
    break_it(service)
    for _ in range(2):  # what was started instead changes nothing of what is known as good
        done = home.wd("run", "bring-back", "--service", "shop", "--yes", "-o", "json")
        result = json.loads(done.out.splitlines()[-1])
        assert result["outcome"] == "recovered", done.out + done.err
        report = Path(result["report"]).read_text()
        assert "by the fallback" in report
        assert f"changed file {service.folder / 'app.py'}" in report
        assert "new variable SHOP_COLOUR" in report


def test_where_nothing_has_changed_the_report_says_that_too(home: Home) -> None:
    shop(home)
    done = home.wd("run", "bring-back", "--service", "shop", "--yes", "-o", "json")
    report = Path(json.loads(done.out.splitlines()[-1])["report"]).read_text()
    assert "nothing in its command, variables, files and packages" in report


def test_versions_of_packages_and_the_command_are_compared_and_other_environments_are_left_out(folder: Path) -> None:
    site = folder / "venv" / "lib" / "python3.11" / "site-packages"
    (site / "fastapi-0.110.0.dist-info").mkdir(parents=True)
    (site / "fastapi.py").write_text("")
    (folder / "venv" / "pyvenv.cfg").write_text("")
    (folder / "venv" / "bin").mkdir()
    (folder / "venv" / "bin" / "uvicorn").write_text("")
    (folder / "shop.py").write_text("")
    before = last_good.look(Start(("venv/bin/uvicorn", "shop:app"), cwd=str(folder)))
    assert before is not None and before.whole
    assert {Path(one).name for one in before.files} == {"uvicorn", "shop.py"}
    (site / "fastapi-0.110.0.dist-info").rename(site / "fastapi-0.111.0.dist-info")
    (folder / "later.py").write_text("")
    after = last_good.look(Start(("venv/bin/uvicorn", "shop:app", "--reload"), cwd=str(folder)))
    assert after is not None
    kept = last_good.from_text(before.text())
    assert kept == before
    assert last_good.changed(kept, after) == (
        "the command was: venv/bin/uvicorn shop:app",
        f"new file {folder / 'later.py'}",
        "changed package fastapi 0.110.0 -> 0.111.0",
    )


def test_what_was_kept_and_cannot_be_read_is_as_if_nothing_was_kept() -> None:
    assert last_good.from_text("") is None
    assert last_good.from_text('{"at": 1}') is None
