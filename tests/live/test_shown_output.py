"""What a command printed is shown: a person who walks a procedure acts on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import Shop, shop_in


@pytest.fixture
def shop(folder: Path) -> Iterator[Shop]:
    with shop_in(folder) as made:
        yield made


def test_a_single_command_shows_what_it_printed(shop: Shop) -> None:
    done = shop.wd("exec", "--", "echo", "disk is fine")
    assert (done.code, done.out) == (0, f"disk is fine\n{done.out.splitlines()[-1]}\n")
    failed = shop.wd("exec", "--", "sh", "-c", "echo looking; echo no licence; exit 3")
    assert failed.code == 2 and failed.out.startswith("looking\nno licence\n") and "exit code 3" in failed.out


def test_a_walked_procedure_shows_what_each_block_printed(shop: Shop) -> None:
    procedure = shop.folder / "look.md"
    procedure.write_text(
        "# Look\n\n```sh\necho disk is fine\n```\n\n```wd timeout=9s\nexec echo password=hunter2XyZ123\n```\n"
    )
    done = shop.wd("run", str(procedure), "--yes")
    assert done.code == 0 and "    | disk is fine\n" in done.err
    assert "    | password=" in done.err and "hunter2XyZ123" not in done.err + done.out
