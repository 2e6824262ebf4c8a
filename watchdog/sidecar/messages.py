"""What a message is: a request, an answer to one, an event on the way to the answer, or neither.

Two forms are known. JSON-RPC 2.0: a request has a method and an id, an answer has the id and a result or an error.
Envelopes of events: a request is answered by events until a terminal one; ids may be missing.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any, Literal, NamedTuple

Sort = Literal["request", "answer", "event", "notification"]
Id = str | None  # as JSON text, so that 1 and "1" are two; None: the message carries none

TERMINAL = frozenset({"done", "end", "error", "final", "final_text", "speech_end", "no_speech", "complete", "result"})
_NAMES = ("event", "eventType", "event_type", "type")
ENDED = -32000  # the server was ended or has ended: JSON-RPC leaves -32000 to -32099 to implementations


class Message(NamedTuple):
    """One message without its content."""

    sort: Sort
    id: Id
    method: str
    rpc: bool  # JSON-RPC, not an envelope
    failed: bool = False  # an answer that carries an error


def read(value: Any, *, from_host: bool, terminal: Collection[str] = TERMINAL) -> tuple[Message, ...]:
    """The messages in one JSON value: several in a batch."""
    if isinstance(value, list):
        return tuple(
            one
            for inner in value
            if isinstance(inner, dict)
            for one in read(inner, from_host=from_host, terminal=terminal)
        )
    method = str(value.get("method") or "")
    raw = value.get("id")
    number = None if raw is None else json.dumps(raw)
    if "jsonrpc" in value or "result" in value or (method and "type" not in value):
        if method:
            return (Message("request" if number is not None else "notification", number, method, True),)
        return (Message("answer", number, "", "jsonrpc" in value, "error" in value),)
    name = next((str(value[key]) for key in _NAMES if isinstance(value.get(key), str)), "")
    if from_host:
        return (Message("request", number, method or name, False),)
    if "error" in value or name in terminal or not name or name == "response":
        return (Message("answer", number, name, False, "error" in value or name == "error"),)
    return (Message("event", number, name, False),)


def error_answer(one: Message, code: int, text: str, **data: Any) -> dict[str, Any]:
    """What the host gets in place of an answer."""
    error = {"code": code, "message": text, "data": data}
    number = None if one.id is None else json.loads(one.id)
    if one.rpc:
        return {"jsonrpc": "2.0", "id": number, "error": error}
    named = {} if number is None else {"id": number}
    return {**named, "type": "error", "event": "error", "error": error}


def notice(form: str, text: str) -> dict[str, Any]:
    """A message for the host's user that belongs to no request: as MCP (lines) and LSP (headers) have it."""
    if form == "headers":
        return {"jsonrpc": "2.0", "method": "window/showMessage", "params": {"type": 1, "message": text}}
    params = {"level": "error", "logger": "wd", "data": text}
    return {"jsonrpc": "2.0", "method": "notifications/message", "params": params}
