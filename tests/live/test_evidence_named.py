"""What a server was told to write to is known without any of its files being open at that moment."""

from __future__ import annotations

from pathlib import Path

import support

from watchdog.evidence.named_paths import named_paths


def test_paths_of_the_folder_the_arguments_and_the_variables_are_known(folder: Path) -> None:
    for name in ("home", "spool", "scratch", "here/data"):
        (folder / name).mkdir(parents=True)
    words = ["--spool", f"{folder}/spool/new/part", f"--log={folder}/home", "here/data", "http://a/b", "/api"]
    env = {"TMPDIR": f"{folder}/scratch"}
    with support.running(*SLEEPS, *words, cwd=folder, env=env, listening=False) as server:
        support.wait_for(lambda: len(named_paths(server.process.pid)) >= 5, "the paths of the process")
        found = named_paths(server.process.pid)
    assert found[0] == str(folder)
    assert {f"{folder}/spool", f"{folder}/home", f"{folder}/here/data", f"{folder}/scratch"} <= set(found)
    assert not {"/", "/api", "http://a/b"} & set(found)


def test_a_process_that_has_gone_names_nothing() -> None:
    with support.running(*SLEEPS, listening=False) as server:
        pid = server.process.pid
    assert named_paths(pid) == ()


SLEEPS = ("-c", "import time; time.sleep(600)")
