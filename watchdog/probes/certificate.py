"""Days until a certificate ends, as the server shows it, no matter who signed it."""

from __future__ import annotations

import time

from watchdog.model.kinds import Key
from watchdog.model.probing import Sample
from watchdog.probes.asked import Asked
from watchdog.probes.kind import ProbeKind
from watchdog.system.net.connect import explain
from watchdog.system.net.tls import certificate_end
from watchdog.text.units import format_duration

DAY = 86400.0


def probe(asked: Asked) -> Sample:
    host, _, port = str(asked.spec.subject).rpartition(":")
    least = float(asked.spec.setting("left", 14 * DAY))
    try:
        end = certificate_end(host.strip("[]") or "127.0.0.1", int(port), time.monotonic() + asked.spec.timeout)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is explained
        # That it cannot be connected to is for other probes to say: a certificate was not seen.
        return asked.unknown(f"no certificate could be seen: {explain(error)[1]}")
    left = end - asked.at
    told = f"the certificate ends in {format_duration(left)}" if left > 0 else "the certificate has ended"
    return asked.answer("failed" if left < least else "ok", told, left, "s")


KIND = ProbeKind(
    Key("certificate", "address", "HOST:PORT that shows it"),
    "Days until a certificate ends.",
    probe,
    keys=(Key("left", "duration", "less than this is too little", default=14 * DAY, low=60.0, high=3650 * DAY),),
    measure=True,
)
