"""An alert of this journal whose claim in the shared store is not confirmed: the store says whether it is ours."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from watchdog.journal.store import Journal
from watchdog.model.alert import Alert
from watchdog.store import address, claims
from watchdog.store.store import Store


def confirm(store: Store, journal: Journal, state: Path, one: Alert) -> bool:
    """Whether this controller may act on it, in the journal too. Lost if the store does not answer: ask again."""
    holder = address.controller(state)
    own = store.do(
        partial(
            claims.confirm,
            fingerprint=one.fingerprint, starts=one.starts, service=one.service, holder=holder, alert=one.id,
        )
    )  # fmt: skip
    if own:
        journal.confirm_alert(one.id)
    else:
        journal.end_alert(one.id, claims.TAKEN_OVER)
    return own
