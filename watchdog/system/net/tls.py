"""Until when a server's certificate is valid, no matter who signed it."""

from __future__ import annotations

import calendar
import ssl
import time

from watchdog.system.net.connect import Trouble, connect, left

_SEQUENCE, _VERSION, _UTC_TIME, _TIME = 0x30, 0xA0, 0x17, 0x18


def certificate_end(host: str, port: int, end: float) -> float:
    """Seconds since the epoch at which the certificate that the server shows ends; asked until the moment `end` of the
    monotonic clock. Trouble or OSError if none is shown.

    Nothing is verified: a certificate that has ended, or that nobody knows, still has its date.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with connect(host, port, end) as plain:
        plain.settimeout(left(end))
        with context.wrap_socket(plain, server_hostname=host) as secured:
            shown = secured.getpeercert(binary_form=True)
    if not shown:
        raise Trouble("tls", "the server shows no certificate")
    try:
        return not_after(shown)
    except (IndexError, ValueError) as error:
        raise Trouble("tls", "the certificate cannot be read") from error


def not_after(certificate: bytes) -> float:
    """The end of a certificate in DER form (X.509: version?, serial, algorithm, issuer, validity, …).

    The ssl module tells the dates only of what it verified, so the few fields before them are stepped over here.
    """
    _, outer, _ = _part(certificate, 0)
    _, inner, _ = _part(outer, 0)
    at = 0
    tag, _, after = _part(inner, at)
    if tag == _VERSION:
        at = after
    for _ in range(3):  # serial number, algorithm, issuer
        _, _, at = _part(inner, at)
    tag, validity, _ = _part(inner, at)
    if tag != _SEQUENCE:
        raise ValueError("no dates where they should be")
    _, _, second = _part(validity, 0)
    kind, text, _ = _part(validity, second)
    return _moment(kind, text.decode("ascii"))


def _part(data: bytes, at: int) -> tuple[int, bytes, int]:
    """(tag, content, where the next part begins)."""
    tag, length, at = data[at], data[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, at = int.from_bytes(data[at : at + size], "big"), at + size
    if at + length > len(data):
        raise ValueError("it ends too early")
    return tag, data[at : at + length], at + length


def _moment(kind: int, text: str) -> float:
    if kind == _UTC_TIME:  # two digits of the year: 50 to 99 are of the last century
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif kind != _TIME:
        raise ValueError("no date")
    return float(calendar.timegm(time.strptime(text[:14], "%Y%m%d%H%M%S")))
