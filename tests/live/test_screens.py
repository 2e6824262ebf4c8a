"""On a narrow terminal no line is longer than the terminal and no word is cut; a pipe gets each line whole."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import ROOT, WD, Shop, shop_in

sys.path.append(str(ROOT / "docs"))
from screens import in_terminal

pytestmark = pytest.mark.live


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


@pytest.mark.parametrize("width", [60, 80])
@pytest.mark.parametrize("words", [("kill", "shop", "--dry-run"), ("start", "shp"), ("--help",), ("kill", "--help")])
def test_a_line_is_folded_between_words(shop: Shop, words: tuple[str, ...], width: int) -> None:
    with shop.server(hung=True):
        text = in_terminal([*WD, "--home", str(shop.folder), *words], width, colour=False)
    long = [line for line in text.splitlines() if len(line) > width and len(line.split()) > 1]
    assert text.strip() and not long


def test_a_pipe_gets_each_line_whole(shop: Shop) -> None:
    with shop.server(hung=True):
        lines = shop.wd("kill", "shop", "--dry-run").out.splitlines()
    assert any(len(line) > 80 for line in lines)
