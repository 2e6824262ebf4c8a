"""Which source files are looked at: those that were seen, and what an application imports from beside them."""

from __future__ import annotations

import os
from pathlib import Path

from watchdog.evidence.sources import Sources, modules_beside
from watchdog.model.evidence import Frame


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
