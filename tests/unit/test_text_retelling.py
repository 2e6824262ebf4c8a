"""Sentences of the record in another language: found by the template in the code that made them."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator

import pytest

from watchdog.text import retelling
from watchdog.text.language import speaking, translated_word
from watchdog.text.retelling import INDEX, retold

JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@pytest.fixture(autouse=True)
def japanese() -> Iterator[None]:
    with speaking("ja"):
        yield


@pytest.mark.parametrize(
    ("recorded", "told"),
    [
        ("port 8000 is free", "ポート 8000 は空いている"),
        ("3 processes ended; port 8000 is free", "3 個のプロセスが終了; ポート 8000 は空いている"),
        ("3 good answers in a row, the slowest in 10ms (pid 7)", "3 回の正常な応答が連続、最も遅い応答は 10ms (pid 7)"),
        ("no answer within 1s (2 failures in a row)", "1s 以内に応答なし (2 回連続で失敗)"),
        (
            "healthy: it answers at once, with status 503: the application says so by itself, and its log tells why",
            "healthy: ステータス 503 ですぐに応答する: アプリケーション自身の応答であり、理由はそのログにある",
        ),
        ("4th time in 7 days, same cause and line", "7 日間で 4 回目、同じ原因と行"),
        (
            "process 7 keeps the write lock of /srv/a.db for 31.8s in fill (a.py:4), waiting for a semaphore",
            "プロセス 7 が /srv/a.db（31.8s） の書き込みロックを保持したまま セマフォ を待っている: fill (a.py:4)",
        ),
        (
            "it waits until the next job is due: no thread has a job in hand (apscheduler, celery)",
            "次のジョブの時刻を待っている: ジョブを処理中のスレッドはない (apscheduler, celery)",
        ),
        (
            "it takes connections, and does not answer (python up to date.py (pid 9))",
            "接続は受け付けるが応答しない (python up to date.py (pid 9))",
        ),
        (
            "1 line with 'out of memory': Perhaps out of memory?",
            "'out of memory' を含む行が 1 行: Perhaps out of memory?",
        ),
        (
            "pid 7 cannot be held fast on this system. --allow-unsafe-kill goes by its start time instead",
            "このシステムでは pid 7 を確実に押さえられない. --allow-unsafe-kill は代わりに起動時刻で判断する",
        ),
    ],
)
def test_a_sentence_is_told_with_its_values_also_where_these_are_sentences(recorded: str, told: str) -> None:
    assert retold(recorded) == told


def test_the_longest_template_that_fits_wins_and_values_stand_where_the_language_wants_them() -> None:
    told = retold(
        "thread 'a' of process 12 waits 3s for room in the pipe to process 9 in emit (server.py:3); port 80 is free"
    )
    place = "emit (server.py:3); ポート 80 は空いている"
    assert told == f"プロセス 12 のスレッド 'a' は プロセス 9 へのパイプの空き を 3s 待っている: {place}"


def test_what_no_template_made_stays_word_for_word() -> None:
    for text in ("the dog ate the log", "port eighty is quite free", "", " ; ", "x" * 5000, "(((", "pid"):
        assert retold(text) == text


def test_a_sentence_is_never_told_in_two_languages() -> None:
    known = "it answers all the same: "
    assert JAPANESE.search(retold(known + "port 80 is free"))
    assert retold(known + "the dog ate the log") == known + "the dog ate the log"
    assert retold("port 80 is free; the dog ate the log") == "ポート 80 は空いている; the dog ate the log"


def test_a_line_of_a_log_is_shown_as_it_is() -> None:
    assert retold("its last words: port 80 is free or not") == "最後の出力: port 80 is free or not"


def test_a_value_is_never_taken_for_a_template() -> None:
    assert retold("port {0.__class__} is free") == "ポート {0.__class__} は空いている"
    assert retold("port {} is free") == "ポート {} は空いている"


def test_a_text_that_was_made_to_be_slow_is_given_up() -> None:
    reader = retelling._Reader(retelling._templates("ja"))
    for text in (
        "a waits b for " * 120,
        "port a is free; " * 120,
        "it answers all the same: " * 70,
        "(" * 900 + ")" * 900,
    ):
        reader._left = retelling._MOST
        reader.read(text)
        assert reader._left >= 0
        retold(text)


def test_every_template_is_found_in_a_sentence_that_was_made_of_it() -> None:
    for template in translated_word(*INDEX).split("\n"):
        count = sum(name is not None for _, name, _, _ in string.Formatter().parse(template))
        made = template.format(*(f"N{number}" for number in range(count)))
        told = retold(made)
        assert told != made, template
        assert all(f"N{number}" in told or re.search(rf"[a-z]\{{{number}}}", template) for number in range(count)), made


def test_english_is_what_was_recorded() -> None:
    with speaking("en"):
        assert retold("port 8000 is free") == "port 8000 is free"
