"""Secrets are looked for near a few words only, and what comes out is the same as with a look at each character."""

from __future__ import annotations

import random
import re

import pytest

from watchdog.text import near, redact

NAMES = [
    "password",
    "passwd",
    "passphrase",
    "pass_word",
    "pass-word",
    "pwd",
    "passcode",
    "secret",
    "secret_key",
    "secretkey",
    "api_key",
    "apikey",
    "access-key",
    "account_key",
    "accountkey",
    "private_key",
    "privatekey",
    "encryption-key",
    "encryption_key",
    "encryptionkey",
    "signing_key",
    "shared-key",
    "client_secret",
    "clientsecret",
    "credential",
    "credentials",
    "authorization",
    "set-cookie",
    "cookie",
    "db_pass",
    "x-pass",
    "pgpass",
    "storepass",
    "keypass",
    "pw",
    "パスワード",
    "暗証番号",
    "pass",
    "password_prod",
    "passwd2",
    "secret_eu",
    "token",
    "session_id",
    "session-key",
    "sess",
    "session",
    "sid",
    "jwt",
    "otp",
    "pin_code",
    "pincode",
    "csrf",
    "xsrf",
    "amz-signature",
    "?sig",
    "&key",
    "?code",
    "&auth",
    "bindpw",
    "dbpass",
    "X-Api-Key",
    "clientSecret",
    "PGPASSWORD",
]
FORMS = (
    "{}=tiger9x0123456789", "{}: tiger9x0123456789", '"{}": "tiger9x 01"', "  - {}: tiger9x, more", "--{} tiger9x",
    "<{}>tiger9x</{}>", "{}%3Dtiger9x01234", "{}='''a\nb'''", "{}: |\n    tiger9x\n", "export {}=tiger9x;b=2",
    "{}: Bearer tiger9x01", "({}, 'tiger9x')",
)  # fmt: skip
BETWEEN = (
    " ",
    "\n",
    "x",
    "=",
    "&",
    '"',
    "GET /items/7?page=3 200 17 ms user=kim\n",
    "ſ",
    "İ",
    "\n\n    ",
    "pass",
    "key",
)
PATTERNS = (
    (redact._HEADER, redact._header, lambda places: places.of(near.HEADERS)),
    (redact._LINE, redact._line, lambda places: places.lines_of(near.STRONG)),
    (redact._NAME, redact._named, lambda places: places.of(near.NAMES)),
)


def agrees(text: str) -> None:
    for pattern, instead, begins in PATTERNS:
        whole = re.compile(pattern._text, pattern._flags)  # type: ignore[attr-defined]
        assert near.replace(pattern, instead, text, begins) == whole.sub(instead, text), text


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_found_wherever_it_stands(name: str) -> None:
    for form in FORMS:
        for said in {name, name.upper(), name.capitalize()}:
            agrees(form.replace("{}", said))
            agrees(f"2026-01-31 INFO user=kim my_{form.replace('{}', said)} and more\n")


def test_a_mixture_comes_out_as_with_a_look_at_each_character() -> None:
    chance = random.Random(7)
    for _ in range(400):
        parts = [
            chance.choice(FORMS).replace("{}", chance.choice(NAMES))
            if chance.random() < 0.4
            else chance.choice(BETWEEN)
            for _ in range(chance.randint(1, 12))
        ]
        agrees("".join(parts))


def test_a_letter_that_only_looks_like_another_hides_no_secret() -> None:
    agrees("paſſword=tiger9x0123456789 ſecret=tiger9x0123456789 sİd=tiger9x0123456789 PıN_code=tiger9x0123456789")


def test_a_text_without_a_name_stays_the_very_same() -> None:
    text = "GET /items/7?page=3 200 17 ms\n" * 3
    assert near.replace(redact._NAME, redact._named, text, lambda places: places.of(near.NAMES)) is text
