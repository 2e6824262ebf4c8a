"""The journal keeps of each step what a person types to do the same: the report shows it, and reads no line again."""

from __future__ import annotations

from pathlib import Path

import pytest

from watchdog.journal.store import Journal
from watchdog.model.incident import Trigger
from watchdog.model.playbook import Playbook
from watchdog.model.selector import Selector
from watchdog.runbook.begin import begin
from watchdog.steps.spec import Context

RUNBOOK = """---
summary: Two lines that a person can type alone, and two that are of no use alone.
---

# Some steps

```wd
exec -- test "a b" = "a b"
check
wait 1ms
notify it is over
```
"""


@pytest.mark.posix("the runbook runs POSIX commands")
def test_a_step_is_kept_as_a_command_with_the_home_and_the_service(folder: Path) -> None:
    (folder / "runbooks").mkdir(mode=0o700)
    (folder / "runbooks" / "some.md").write_text(RUNBOOK, encoding="utf-8")
    with Journal.open(folder) as journal:
        context = Context(
            Selector(),
            lambda line: None,
            lambda question: False,
            folder,
            folder,
            playbook=Playbook("shop", Selector(port=1)),
            home=folder,
            journal=journal,
            trigger=Trigger("person", home="/srv/on call"),
        )
        result = begin("some", context)
        assert result.incident is not None
        kept = journal.incident(result.incident).steps
    assert [one.step for one in kept] == ["exec", "check", "wait", "notify"]
    assert [one.by_hand for one in kept] == [
        "wd --home '/srv/on call' exec -- test 'a b' = 'a b'",
        "wd --home '/srv/on call' check --service shop",
        "",
        "",
    ]
