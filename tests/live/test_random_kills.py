"""Whoever is killed, at whatever moment: one server, every end noted, nobody refused while a shim lives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from random_kills import Kills, SidecarKills, seed
from watching import Home

ROUNDS = int(os.environ.get("WD_KILLS", "6"))


@pytest.mark.timeout(60 + 60 * ROUNDS)
def test_kill_9_at_random_moments_leaves_one_server_and_loses_no_record(home: Home) -> None:
    kills = Kills(home, seed())
    for _ in range(ROUNDS):
        kills.round()
    kills.check_records()
    print(kills.counts)


@pytest.mark.timeout(60 + 60 * ROUNDS)
def test_kill_9_of_a_sidecars_process_leaves_none_behind_and_the_session_goes_on_where_it_can(
    folder: Path,
) -> None:
    kills = SidecarKills(folder, seed())
    for number in range(ROUNDS):
        kills.round(number)
    print(kills.counts)
