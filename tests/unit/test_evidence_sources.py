"""Which source files are looked at: those that were seen, and what an application imports from beside them."""

from __future__ import annotations

import os
import time
from pathlib import Path

from watchdog.evidence.sources import Sources, modules_beside
from watchdog.model.evidence import Frame
from watchdog.model.process import Identity, Process
from watchdog.system.host import accounts


def process(cwd: Path) -> Process:
    return Process(Identity("boot", os.getpid(), 1), 1, "python", "S", 1, 1, 0, accounts.our_id(), "me", time.time(), 1,
                   1, 1.0, False, cwd=str(cwd))  # fmt: skip


def test_what_a_file_imports_from_beside_it_is_found_however_it_is_written() -> None:
    text = "import fanout\nfrom shop.cart import add\nfrom .near import (\n    thing,\n)\nfrom ..above import other\n"
    found = modules_beside("/srv/app/server.py", text)
    assert "/srv/app/fanout.py" in found and "/srv/app/shop/cart.py" in found
    assert "/srv/app/near.py" in found and "/srv/above.py" in found
    assert modules_beside("/srv/app/server.py", "this is (no Python") == []


def test_the_module_that_starts_the_threads_is_read_though_it_is_on_no_stack(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text("from fanout import Batch\n")
    (tmp_path / "fanout.py").write_text("import server\nimport nothing_there\n")
    (tmp_path / "unrelated.py").write_text("")
    found = Sources().read([(os.getpid(), Frame("<module>", str(tmp_path / "server.py"), 1))], [])
    assert [Path(one.path).name for one in found] == ["server.py", "fanout.py"]


def test_a_log_that_names_a_file_does_not_replace_what_was_read_for_a_stack(tmp_path: Path) -> None:
    release, now = tmp_path / "r7", tmp_path / "r7-old"
    for folder, text in ((release, "# new\n\n"), (now, "")):
        folder.mkdir()
        (folder / "shop.py").write_text(f"{text}def sell():\n    pass\n")
    seen = process(now)
    frame = Frame("sell", str(release / "shop.py"), 2)
    found = Sources().read([(os.getpid(), frame)], [seen], in_logs=[frame])
    assert [one.line(1) for one in found] == ["def sell():"]
