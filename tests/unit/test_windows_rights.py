"""Who may change a file on Windows, decided by its owner and access list: the lists are those of a fresh Windows 11."""

from __future__ import annotations

import pytest

from watchdog.system.windows import rights
from watchdog.system.windows.rights import ADMINISTRATORS, EVERYBODY, INSTALLER, THE_SYSTEM, AccessList, Entry

ADA = "S-1-5-21-1004336348-1177238915-682003330-1001"
BOB = "S-1-5-21-1004336348-1177238915-682003330-1002"
USERS, SIGNED_IN, CREATOR, OWNER = "S-1-5-32-545", "S-1-5-11", "S-1-3-0", "S-1-3-4"
FULL, MODIFY, READ_AND_RUN = 0x1F01FF, 0x1301BF, 0x1200A9
HANDED_ON = 0x0B  # to files and folders below, and not for the folder itself
TRUSTED = (Entry(ADMINISTRATORS, FULL), Entry(THE_SYSTEM, FULL))


def listed(*more: Entry, owner: str = ADMINISTRATORS) -> AccessList:
    return AccessList(owner, (*TRUSTED, *more))


DRIVE = listed(
    Entry(USERS, READ_AND_RUN), Entry(SIGNED_IN, 0xE0010000, flags=HANDED_ON), Entry(SIGNED_IN, 0x4), owner=INSTALLER
)
PROGRAM_DATA = listed(Entry(USERS, READ_AND_RUN), Entry(USERS, 0x116), Entry(CREATOR, 0x10000000, flags=HANDED_ON))
MADE_AT_THE_TOP_OF_A_DRIVE = listed(Entry(USERS, READ_AND_RUN), Entry(SIGNED_IN, MODIFY))
IN_THE_PROFILE = listed(Entry(ADA, FULL), owner=ADA)
WINDOWS_OWN_FILE = listed(
    Entry(INSTALLER, FULL), Entry(USERS, READ_AND_RUN), Entry("S-1-15-2-1", READ_AND_RUN), owner=INSTALLER
)
MADE_BY_WD = listed(Entry(OWNER, FULL), owner=ADA)


@pytest.mark.parametrize(
    "found",
    [DRIVE, PROGRAM_DATA, IN_THE_PROFILE, WINDOWS_OWN_FILE, MADE_BY_WD],
    ids=["drive", "data", "profile", "own", "wd"],
)
def test_what_windows_sets_up_itself_keeps_what_stands_below_it(found: AccessList) -> None:
    assert not rights.strange_owner(found, ADA)
    assert not rights.stranger(found, ADA, rights.TO_REPLACE)


@pytest.mark.parametrize(
    ("found", "who"),
    [(DRIVE, SIGNED_IN), (PROGRAM_DATA, USERS), (MADE_AT_THE_TOP_OF_A_DRIVE, SIGNED_IN)],
    ids=["drive", "data", "top"],
)
def test_a_folder_that_others_can_add_to_holds_no_playbooks(found: AccessList, who: str) -> None:
    assert rights.stranger(found, ADA, rights.TO_CHANGE) == who


def test_a_folder_made_at_the_top_of_a_drive_can_be_replaced_by_everybody_who_signs_in() -> None:
    assert rights.stranger(MADE_AT_THE_TOP_OF_A_DRIVE, ADA, rights.TO_REPLACE) == SIGNED_IN


@pytest.mark.parametrize(
    "mask",
    [0x2, 0x4, 0x40, 0x10000, 0x40000, 0x80000, 0x10000000, 0x40000000],
    ids=["write", "append", "delete-inside", "delete", "list", "owner", "all", "all-writing"],
)
@pytest.mark.parametrize("who", [EVERYBODY, USERS, SIGNED_IN, BOB, "S-1-5-32-551"])
def test_one_right_to_change_is_enough_whoever_has_it(who: str, mask: int) -> None:
    assert rights.stranger(listed(Entry(who, mask | READ_AND_RUN)), ADA, rights.TO_CHANGE) == who


@pytest.mark.parametrize("kind", [1, 10], ids=["deny", "deny-if"])
def test_an_entry_that_denies_gives_nothing_and_takes_nothing(kind: int) -> None:
    denied = Entry(EVERYBODY, FULL, kind)
    assert not rights.stranger(listed(denied), ADA, rights.TO_CHANGE)
    assert rights.stranger(listed(denied, Entry(BOB, FULL)), ADA, rights.TO_CHANGE) == BOB


def test_a_conditional_entry_counts_as_if_its_condition_held() -> None:
    assert rights.stranger(listed(Entry(BOB, FULL, 9)), ADA, rights.TO_CHANGE) == BOB


def test_reading_is_no_change_but_it_is_not_private() -> None:
    readable = listed(Entry(USERS, READ_AND_RUN))
    assert not rights.stranger(readable, ADA, rights.TO_CHANGE)
    assert rights.stranger(readable, ADA, rights.TO_SEE_OR_CHANGE) == USERS
    assert not rights.stranger(MADE_BY_WD, ADA, rights.TO_SEE_OR_CHANGE)


def test_without_a_list_everybody_may_do_everything_and_with_an_empty_one_nobody() -> None:
    assert rights.stranger(AccessList(ADA, None), ADA, rights.TO_REPLACE) == EVERYBODY
    assert not rights.stranger(AccessList(ADA, ()), ADA, rights.TO_SEE_OR_CHANGE)


@pytest.mark.parametrize("owner", [BOB, USERS, EVERYBODY, rights.NOBODY])
def test_an_owner_may_always_change_the_list_so_it_must_be_one_of_ours(owner: str) -> None:
    assert rights.strange_owner(AccessList(owner, ()), ADA) == owner


@pytest.mark.parametrize("owner", [ADA, ADMINISTRATORS, THE_SYSTEM, INSTALLER])
def test_we_the_administrators_and_windows_are_no_strangers(owner: str) -> None:
    assert not rights.strange_owner(AccessList(owner, ()), ADA)
    assert not rights.stranger(AccessList(owner, (Entry(owner, FULL),)), ADA, rights.TO_SEE_OR_CHANGE)
