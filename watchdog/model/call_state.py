"""What the variables of a running call were at one moment, as a digest that tells only whether they have changed."""

from __future__ import annotations

from watchdog.model.records import record


@record(frozen=True)
class CallState:
    """One call of a running thread. The digest is keyed: no value can be found from it."""

    tid: int
    function: str  # qualified
    file: str
    digest: str  # of its variables and of the calls around it; empty where one of them is not known
    call: str = ""  # of what the calls around it hold: the same function called for another job is another call
    around: str = ""  # of the calls around it alone
    variables: tuple[
        tuple[str, str], ...
    ] = ()  # by name, of each variable alone; with "@", of its identity, where no more is known
