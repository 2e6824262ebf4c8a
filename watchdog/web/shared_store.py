"""What the page has to do with the store that several controllers share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

from watchdog.model.alert import Alert
from watchdog.store import address
from watchdog.store.store import Store
from watchdog.web.site import Site


@functools.cache
def store_at(where: str) -> Store:
    """One for all requests: it keeps its connections."""
    return Store(where)


def claimed(site: Site, new: Alert, write: Callable[[Alert], str]) -> str:
    """`write` puts it into the journal. Not called for an alert that another controller has."""
    where = address.of_home(site.home)
    if not where:
        return write(new)
    holder, store = address.controller(site.state), store_at(where)
    from watchdog.store import claims, confirming

    if store.do(lambda c: claims.claim(c, new.fingerprint, new.starts, new.service, holder)) == "known":
        return "known"
    outcome = write(replace(new, confirmed=False))
    return outcome if confirming.confirm(store, site.journal(), site.state, new) else "known"
