"""Which request is a hang and which is only slow; what a new child hears; when a rate asks for the rollback."""

from __future__ import annotations

from typing import Any

import pytest

from watchdog.sidecar import messages
from watchdog.sidecar.conversation import Conversation, cancels
from watchdog.sidecar.handshake import Handshake
from watchdog.sidecar.metrics import Metrics, quantile

LIMITS = {"": 10.0, "initialize": 5.0}


def of_host(**value: Any) -> messages.Message:
    (one,) = messages.read(value, from_host=True)
    return one


def of_child(**value: Any) -> messages.Message:
    (one,) = messages.read(value, from_host=False)
    return one


def test_a_request_past_its_limit_is_overdue_and_its_method_may_have_its_own() -> None:
    talk = Conversation()
    slow = talk.asked(of_host(jsonrpc="2.0", id=1, method="call"), 0.0)
    assert talk.overdue(9.9, LIMITS) is None
    assert talk.overdue(9.9, LIMITS, lead=1.0) is slow
    first = talk.asked(of_host(jsonrpc="2.0", id=2, method="initialize"), 0.0)
    assert talk.overdue(5.0, LIMITS) is first


def test_while_others_are_answered_a_request_is_slow_and_told_once() -> None:
    talk = Conversation()
    slow = talk.asked(of_host(jsonrpc="2.0", id=1, method="call"), 0.0)
    talk.asked(of_host(jsonrpc="2.0", id=2, method="call"), 8.0)
    talk.heard(of_child(jsonrpc="2.0", id=2, result=1), 9.0)
    assert talk.overdue(12.0, LIMITS) is None
    assert [talk.slow(12.0, LIMITS), talk.slow(12.0, LIMITS)] == [slow, None]
    assert talk.overdue(19.0, LIMITS) is slow


def test_events_on_the_way_are_a_sign_of_life_and_a_terminal_one_is_the_answer() -> None:
    talk = Conversation()
    asked = talk.asked(of_host(type="request", id="a", method="listen"), 0.0)
    assert talk.heard(of_child(type="event", id="a", eventType="partial"), 8.0) is None
    assert talk.overdue(12.0, LIMITS) is None
    assert talk.heard(of_child(type="event", id="a", eventType="speech_end"), 13.0) is asked
    assert not len(talk)


def test_requests_without_an_id_are_answered_in_order_and_prove_first_that_they_want_an_answer() -> None:
    talk = Conversation()
    asked = [talk.asked(of_host(text=text), 0.0) for text in "abc"]
    assert talk.overdue(100.0, LIMITS) is None
    assert talk.heard(of_child(text="A"), 1.0) is asked[0]
    assert talk.overdue(100.0, LIMITS) is asked[1]


def test_one_and_the_text_one_are_two_ids() -> None:
    talk = Conversation()
    number = talk.asked(of_host(jsonrpc="2.0", id=1, method="a"), 0.0)
    text = talk.asked(of_host(jsonrpc="2.0", id="1", method="a"), 0.0)
    assert talk.heard(of_child(jsonrpc="2.0", id="1", result=0), 1.0) is text
    assert talk.heard(of_child(jsonrpc="2.0", id=1, result=0), 1.0) is number


def test_what_was_not_sent_stays_for_the_next_child() -> None:
    talk = Conversation()
    sent = talk.asked(of_host(jsonrpc="2.0", id=1, method="a"), 0.0)
    unsent = talk.asked(of_host(jsonrpc="2.0", id=2, method="a"), 0.0)
    assert talk.child_is_gone({id(unsent)}) == [sent]
    assert list(talk.pending) == [unsent]


def test_an_answer_to_a_dead_childs_question_is_for_nobody() -> None:
    talk = Conversation()
    talk.heard(of_child(jsonrpc="2.0", id=7, method="ask"), 0.0)
    talk.child_is_gone(())
    assert [talk.answered_by_host("7"), talk.answered_by_host("7")] == [False, True]


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ({"method": "notifications/cancelled", "params": {"requestId": 5}}, "5"),
        ({"method": "$/cancelRequest", "params": {"id": "x"}}, '"x"'),
        ({"method": "other", "params": {"id": 5}}, None),
        ({"method": "$/cancelRequest", "params": []}, None),
        ([1], None),
    ],
)
def test_a_cancelled_request_is_found(value: Any, number: str | None) -> None:
    assert cancels(value) == number


def test_a_new_child_hears_the_handshake_of_the_host() -> None:
    shake = Handshake(["textDocument/didOpen"], [])
    for method, number in (("initialize", 1), ("initialized", None), ("textDocument/didOpen", None), ("other", 2)):
        value = {"jsonrpc": "2.0", "method": method, **({} if number is None else {"id": number})}
        shake.went_by(messages.read(value, from_host=True), method.encode())
    assert shake.first("lines") == (b"", None)  # the host has no answer, and none was lost
    shake.answered = True
    first, awaited = shake.first("lines")
    assert (first, awaited.method if awaited else "") == (b"initialize", "initialize")
    assert shake.then == b"initializedtextDocument/didOpen"


def test_the_lines_of_a_playbook_come_first() -> None:
    shake = Handshake([], ['{"id": "wd", "method": "hello"}'])
    assert shake.first("lines") == (b'{"id": "wd", "method": "hello"}\n', None)
    assert shake.first("headers")[0].startswith(b"Content-Length: ")
    assert shake.ids == {'"wd"'}


def test_rates_above_their_limits_ask_for_the_rollback_and_one_hang_alone_does_not() -> None:
    assert not Metrics(requests=3, hangs=1).why_roll_back(0.01, 0.05)
    assert not Metrics(requests=300, hangs=2).why_roll_back(0.01, 0.05)
    assert "2 of 100 requests hung: more than 1%" in Metrics(requests=100, hangs=2).why_roll_back(0.01, 0.05)
    assert not Metrics(sent=95, dropped=5).why_roll_back(0.01, 0.05)
    assert "6 of 100 messages were dropped" in Metrics(sent=94, dropped=6).why_roll_back(0.01, 0.05)


def test_a_quantile_is_one_of_the_values() -> None:
    values = [float(number) for number in range(100)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([], 0.5)) == (50.0, 99.0, None)
