"""A host with only a Python and an account gets wd as one file, by its hash, and loses it on request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from homes import answering_pid
from hosts import Fleet, bare_path, fleet_in, needed

from watchdog.fleet.carry import Parcels

pytestmark = [needed, pytest.mark.timeout(300)]


@pytest.fixture
def fleet(folder: Path) -> Iterator[Fleet]:
    with fleet_in(folder) as made:
        yield made


def carried(fleet: Fleet, name: str) -> list[str]:
    """The copies in the home of the account on this host."""
    folder = fleet.hosts[name].home / ".cache" / "wd" / "carried"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_bare_host_gets_wd_once_explains_cures_and_is_clean_again(fleet: Fleet) -> None:
    own = {"HOME": str(fleet.folder)}  # where the controller keeps the copies that it made
    shop = fleet.shop("bare", path=bare_path(fleet.folder / "bin"))
    with shop.server(hung=True) as before:
        why = fleet.wd("why", "shop", "-o", "json", env=own, limit=200)
        assert (why.code, why.rows[0]["reached"]) == (2, "answered"), why.out + why.err
        assert "moody.py:" in why.last["groups"][0]["cause"], "py-spy came along"
        (copy,) = carried(fleet, "bare")
        assert fleet.hosts["bare"].home.joinpath(".cache/wd/carried").stat().st_mode & 0o777 == 0o700
        run = fleet.wd("run", "frozen-server", "--service", "shop", "-o", "json", env=own, limit=200)
        assert (run.code, run.rows[0]["outcome"]) == (0, "recovered"), run.out + run.err
        assert answering_pid(shop.port) not in (0, before.pid)
        assert carried(fleet, "bare") == [copy], "it was not sent again"
    left = shop.folder / "logs" / "fleet"
    assert list(left.iterdir())
    clean = fleet.wd("clean", "-o", "json", env=own)
    assert clean.code == 0
    assert carried(fleet, "bare") == []
    assert list(left.iterdir()) == []
    assert fleet.wd("clean", "-o", "json", env=own).code == 0, "what is clean stays clean"


def test_a_copy_that_was_damaged_on_its_way_is_never_run(fleet: Fleet) -> None:
    fleet.host("bare", path=bare_path(fleet.folder / "bin"))
    own = {"HOME": str(fleet.folder)}
    assert fleet.wd("ps", "-o", "json", env=own, limit=200).rows[0]["reached"] == "answered"
    assert fleet.wd("clean", env=own).code == 0
    (parcel,) = (path for path in (fleet.folder / ".cache" / "wd" / "parcels").iterdir() if path.stat().st_size > 1000)
    data = bytearray(parcel.read_bytes())
    data[len(data) // 2] ^= 1
    parcel.write_bytes(data)
    done = fleet.wd("ps", "-o", "json", env=own)
    assert (done.rows[0]["reached"], done.code) == ("unready", 3)
    assert "damaged" in done.rows[0]["reason"]
    assert carried(fleet, "bare") == []


def test_a_folder_that_others_can_write_is_not_used(fleet: Fleet) -> None:
    host = fleet.host("bare", path=bare_path(fleet.folder / "bin"))
    kept = host.home / ".cache" / "wd" / "carried"
    kept.mkdir(parents=True)
    kept.chmod(0o777)
    done = fleet.wd("ps", "-o", "json", env={"HOME": str(fleet.folder)}, limit=200)
    assert "only this user can write" in json.dumps(done.rows[0]["reason"])


def test_the_same_wd_gives_the_same_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = []
    for name in ("one", "two"):
        monkeypatch.setenv("HOME", str(folder / name))
        parcels = Parcels()
        made = parcels.made_for(parcels._own_tag)
        assert not isinstance(made, str)
        hashes.append(made[1])
        assert Parcels().known() == {parcels._own_tag: made[1]}
    assert hashes[0] == hashes[1]
    assert "install wd there" in str(Parcels().made_for("3.12 macosx-14-arm64"))
