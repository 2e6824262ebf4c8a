"""A real incident in Japanese: what people are sent, the report, the page; and what programs read stays English."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import watching
from channels import channels_in
from pages import page_of

from watchdog.system.host import messages

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(not messages.can_send(), reason="Apprise is not installed (the extra `notify`)"),
]
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def assert_steps_are_told(report: str) -> None:
    """Each step's own words, the proof, and who or what began it."""
    rows = [line.split(" | ") for line in report.splitlines() if re.match(r"\| \d+ \| `", line)]
    messages = [row[-1].removesuffix(" |") for row in rows]
    assert len(messages) >= 4
    assert all(JAPANESE.search(one) for one in messages if " " in one), messages
    for name in ("新しいプロセス", "きっかけ"):
        (line,) = (line for line in report.splitlines() if line.startswith(f"| {name} |"))
        assert JAPANESE.search(line.split("|")[2]), line


def test_a_hang_is_reported_in_the_language_of_the_playbook(folder: Path, tmp_path: Path) -> None:
    with channels_in(tmp_path) as channels, watching.home_in(folder) as home:
        watching.reported_hang(home, channels, "復旧", language="ja")
        words = channels.bodies()[-1]["message"]
        assert "原因: " in words and "該当行: " in words and "実施内容: 終了: pid" in words
        assert all(map(JAPANESE.search, words.splitlines())), words

        (incident,) = home.incidents()
        assert incident["outcome"] == "recovered" and incident["cause"] not in ("", None)
        report = (Path(incident["report"]) if incident["report"] else folder).read_text(encoding="utf-8")
        assert report.splitlines()[0] == "# shop: 復旧"
        headings = re.findall(r"^#{2,} (.+)$", report, re.MULTILINE)
        assert len(headings) >= 5 and all(map(JAPANESE.search, headings)), headings
        verdict = next(line for line in report.splitlines() if line.startswith("| 判定 |"))
        assert incident["cause"] in verdict and JAPANESE.search(verdict)
        assert "記録の原文" not in report, "the finding's own words are told too"
        for told in (words, report):
            assert "待っている" in told or "計算" in told, told
        assert_steps_are_told(report)
        kept = json.loads(Path(incident["report"]).with_suffix(".json").read_text())
        assert not JAPANESE.search(json.dumps({**kept, "steps": []}, ensure_ascii=False))

        name = incident["incident"]
        assert "# shop: 復旧" in home.wd("incidents", "show", name).out
        assert "# shop: recovered" in home.wd("incidents", "show", name, "--lang", "en").out
        with page_of(home) as page:
            shown = page.browser(**{"Accept-Language": "ja,en;q=0.5"}).get(f"/incidents/{name}").text
            assert '<html lang="ja">' in shown and "実施した手順" in shown
            assert "What was done" in page.browser().get(f"/incidents/{name}").text
        with page_of(home, "127.0.0.1:0", "--lang", "ja") as page:
            assert "現在" in page.browser().get("/").text
            found = page.browser().get("/v1/status").json
            assert not JAPANESE.search(json.dumps(found, ensure_ascii=False))
