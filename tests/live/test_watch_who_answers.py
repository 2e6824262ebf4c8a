"""The loop's look at who serves: an answer counts for the configured program alone."""

from __future__ import annotations

from support import SERVERS, end_session, running

from watchdog.model.playbook import Playbook
from watchdog.model.selector import Selector
from watchdog.watch import looking
from watchdog.watch.watched import Watched


def test_after_the_known_server_has_ended_a_good_answer_makes_the_loop_look_who_gave_it() -> None:
    with running(str(SERVERS / "launched.py"), "{port}") as server:
        watched = Watched(Playbook("shop", Selector(port=server.port, cmdline=("launched.py",))))
        assert looking.refresh(watched) and not watched.wrong_program
        assert not looking.may_be_another(watched, comes_back=True)
        end_session(server.process)
        assert looking.may_be_another(watched, comes_back=False)
    with running(str(SERVERS / "family.py"), "{port}", "ignore", port=server.port):
        assert looking.may_be_another(watched, comes_back=False)
        looking.refresh(watched)
        assert "another program runs there" in watched.wrong_program


def test_where_no_server_was_ever_seen_only_one_that_comes_back_is_looked_for() -> None:
    watched = Watched(Playbook("shop", Selector(port=1)))
    assert looking.may_be_another(watched, comes_back=True) and not looking.may_be_another(watched, comes_back=False)
