"""Secrets in options of known programs whose names do not say it: `mysql -pX`, `curl -u kim:X`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from watchdog.text.regexes import regex

_OPTION = r"[^\n|;]{0,300}?[ \t'\"]"
_GAP = r"[\"',=]{0,2}[ \t]{0,4}[\"']?"
_VALUE = r"([^\s'\",]{1,200})"

# Option -> the programs that take a secret behind it, as the next word or in the same word.
_OPTIONS = {
    "-p": (
        r"sshpass|docker login|podman login|buildah login|oc login|"
        r"mongo|mongosh|mongodump|mongorestore|cqlsh|rabbitmqadmin"
    ),
    "-P": r"sqlcmd|bcp|mosquitto_pub|mosquitto_sub|ipmitool|unzip|zip|isql|tsql",
    "-a": r"redis-cli|valkey-cli|keydb-cli",
    "-w": r"ldap(?:search|modify|add|delete|whoami|passwd|compare)",
    "-A": r"snmp(?:get|walk|set|getnext|bulkwalk)",
    "-X": r"snmp(?:get|walk|set|getnext|bulkwalk)",
}
_BEHIND_USER = {  # the same, in the form USER:SECRET or USER%SECRET
    "(?:-u|--user|-U|--proxy-user)": r"curl|wget|lftp|smbclient|rpcclient",
    "(?:-a|--auth)": r"http|https|xh",
}
_FORMS = (
    r"(\b(?:mysql|mysqldump|mysqladmin|mysqlimport|mariadb|mariadb-dump|mariadb-admin)\b"
    rf"{_OPTION}-p)([^\s'\",-][^\s'\",]{{0,200}})",
    rf"(\b(?:7z|7za|7zr)\b{_OPTION}-p)([^\s'\",-][^\s'\",]{{0,200}})",
    *(rf"(\b(?:{names})\b{_OPTION}{option}{_GAP}){_VALUE}" for option, names in _OPTIONS.items()),
    *(
        rf"(\b(?:{names})\b{_OPTION}{option}{_GAP}[^\s:%,'\"]{{1,100}}[:%,]){_VALUE}"
        for option, names in _BEHIND_USER.items()
    ),
    rf"(\b(?:openssl)\b{_OPTION}(?:pass|env)?[ \t'\",]{{0,6}}pass:){_VALUE}",
    rf"(\bhtpasswd[ \t]+-[a-zA-Z]{{0,6}}b[a-zA-Z]{{0,6}}[ \t]+[^\s]{{1,200}}[ \t]+[^\s]{{1,100}}[ \t]+){_VALUE}",
    rf"(\blogin[ \t]+[^\s]{{1,100}}[ \t]+password[ \t]+){_VALUE}",
    r"(\bauth=\(b?['\"][^'\"\n]{0,100}['\"],[ ]?b?['\"])([^'\"\n]{1,200})",
)
_SECRETS = regex("|".join(_FORMS))
# A cheap look that spares ordinary text the long one: an option stands behind a blank or a quote, never in a word.
_SWITCHES = (*_OPTIONS, "-u", "-U", "--user", "--proxy-user", "--auth")
_HINTS = (*(before + switch for switch in _SWITCHES for before in " \t'\""), "auth=(", "pass:", "htpasswd")


def _may_hold_one(text: str) -> bool:
    return any(hint in text for hint in _HINTS) or ("login" in text and "password" in text)


def redact(text: str, instead: str) -> str:
    """The text with each such secret replaced."""
    if not _may_hold_one(text):
        return text
    return _SECRETS.sub(lambda found: f"{_kept(found)}{instead}", text)


def redact_words(words: Sequence[Any], instead: str) -> list[Any]:
    """The same for an argv, where program, option and secret are words of their own."""
    found = list(words)
    if not found or not all(isinstance(word, str) for word in found):
        return found
    line = " ".join(re.sub(r"[\n|;]", "_", word) for word in found)
    if not _may_hold_one(line):
        return found
    secrets = [match.span(match.lastindex or 0) for match in _SECRETS.finditer(line)]
    begin = 0
    for at, word in enumerate(words):
        for first, last in secrets:
            if begin <= first < begin + len(word):
                found[at] = f"{word[: first - begin]}{instead}{word[last - begin :]}"
        begin += len(word) + 1
    return found


def _kept(found: re.Match[str]) -> str:
    return next(group for group in found.groups()[::2] if group is not None)
