"""Windows' own words about programs that crashed, as its command `wevtutil` prints them."""

from __future__ import annotations

import sys

import pytest

from watchdog.evidence import exits
from watchdog.system.windows import event_log

SPACE = 'xmlns="http://schemas.microsoft.com/win/2004/08/events/event"'
CRASH = f"""<Events><Event {SPACE}><System><Provider Name="Application Error"/><EventID Qualifiers="0">1000</EventID>
<TimeCreated SystemTime="2026-03-01T02:03:04.1234567Z"/></System><EventData><Data>python.exe</Data><Data>3.12.1</Data>
<Data>1</Data><Data>torch_cpu.dll</Data><Data>2.2</Data><Data>2</Data><Data>c0000005</Data><Data>1f00</Data>
<Data>1a2c</Data><Data>0</Data><Data>C:\\Python312\\python.exe</Data></EventData></Event>
<Event {SPACE}><System><Provider Name=".NET Runtime"/><EventID>1026</EventID>
<TimeCreated SystemTime="2026-03-01T02:03:05Z"/></System><EventData><Data>Application: shop.exe
Unhandled exception</Data></EventData></Event>
<Event {SPACE}><System><Provider Name="Application Error"/><EventID>1000</EventID></System></Event></Events>"""


def test_a_crash_names_its_module_its_process_and_its_code() -> None:
    crash, other = event_log.parse(CRASH)
    assert (crash.pid, crash.code) == (0x1A2C, 0xC0000005)
    assert crash.text.startswith(
        "Application Error 1000: python.exe crashed in torch_cpu.dll with code 0xC0000005 (acc"
    )
    assert crash.when == pytest.approx(1772330584.123456)
    assert other.text == ".NET Runtime 1026: Application: shop.exe Unhandled exception"


@pytest.mark.parametrize("text", ["", "wevtutil is a stub", "<Events", "<Events><Event/></Events>"])
def test_what_is_not_understood_is_left_out(text: str) -> None:
    assert list(event_log.parse(text)) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has such a log")
def test_elsewhere_there_is_no_such_log_and_no_gap() -> None:
    assert exits.crashes() == ((), None)
