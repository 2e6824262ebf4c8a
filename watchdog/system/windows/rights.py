"""Who may change or read a file or folder, by its owner and its access list. Nothing is asked of Windows here."""

from __future__ import annotations

from watchdog.model.records import record

# Rights of an entry. On a folder, WRITE means to add a file, APPEND to add a folder.
READ, WRITE, APPEND, DELETE_INSIDE = 0x1, 0x2, 0x4, 0x40
DELETE, CHANGE_LIST, CHANGE_OWNER = 0x10000, 0x40000, 0x80000
ALL, ALL_WRITING, ALL_READING = 0x10000000, 0x40000000, 0x80000000

TO_REPLACE = DELETE_INSIDE | DELETE | CHANGE_LIST | CHANGE_OWNER | ALL  # a file or folder, or what stands in it
TO_CHANGE = TO_REPLACE | WRITE | APPEND | ALL_WRITING
TO_SEE_OR_CHANGE = TO_CHANGE | READ | ALL_READING

NOBODY, EVERYBODY, ADMINISTRATORS, THE_SYSTEM = "S-1-0-0", "S-1-1-0", "S-1-5-32-544", "S-1-5-18"
INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"  # owns the files of Windows itself
_OF_THE_OWNER = "S-1-3-4"
_FOR_NEW_FILES = ("S-1-3-0", "S-1-3-1")  # stand for the creator of what is made there later; nobody has this name
_DENY = (1, 6, 10, 12)  # kinds of entries that allow nothing
_ONLY_BELOW = 0x08  # flag: the entry is handed on to what stands in the folder, and does not count for itself


@record(frozen=True)
class Entry:
    """One line of an access list."""

    account: str
    mask: int
    kind: int = 0
    flags: int = 0


@record(frozen=True)
class AccessList:
    """What Windows keeps about a file or folder. Without entries (None) everybody may do everything."""

    owner: str
    entries: tuple[Entry, ...] | None


def strange_owner(found: AccessList, ours: str) -> str:
    """The owner, who may always change the list, if it is neither we nor the administrators or Windows."""
    return "" if found.owner in _trusted(ours) else found.owner


def stranger(found: AccessList, ours: str, wanted: int) -> str:
    """The first account but us, the administrators and Windows that has one of these rights; empty if none has.

    An entry that denies is not believed: only a list without the right counts.
    """
    if found.entries is None:
        return EVERYBODY
    fine = _trusted(ours) | {_OF_THE_OWNER, *_FOR_NEW_FILES}
    for one in found.entries:
        counts = one.kind not in _DENY and not one.flags & _ONLY_BELOW
        if counts and one.mask & wanted and one.account not in fine:
            return one.account
    return ""


def _trusted(ours: str) -> frozenset[str]:
    return frozenset((ours, ADMINISTRATORS, THE_SYSTEM, INSTALLER))
