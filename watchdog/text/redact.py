"""Secrets taken out of text before it is written anywhere: by their name, their place, or their maker's shape.

It knows structure (flag and next word, headers, JSON, YAML, Python reprs, query strings, addresses with a password, PEM
blocks), and errs on the side of taking out. Time is linear in the text: every repetition is bounded, and the search
starts at a secret's name, never at what may stand before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from watchdog.text import near, option_secrets
from watchdog.text.makers import TOKENS, WEBHOOKS
from watchdog.text.regexes import regex

REDACTED = "[redacted]"

# The end of a name is what counts: "db_password", "X-Api-Key", "clientSecret". Not "password_file" or "max_tokens".
_STRONG = (
    r"password|passwd|passphrase|pass[_-]?word|pwd|passcode|secret|secret[_-]?key|api[_-]?key|access[_-]?key|"
    r"account[_-]?key|private[_-]?key|encryption[_-]?key|signing[_-]?key|shared[_-]?key|client[_-]?secret|"
    r"credentials?|authorization|set-cookie|cookie|[_-]pass|pgpass|storepass|keypass|pw|パスワード|暗証番号"
)
# Before "=" alone: "bindpw=", "dbpass=", "password_prod=", "passwd2=". Not "password_file=", "bypass=", "compass=".
_ASSIGNED = (
    r"(?<!by)(?<!com)(?<!tres)pass|"
    r"(?:password|passwd|passphrase|pass|secret)(?![_-]?(?:file|path|dir|policy|length|len|min|max|field|prompt|url|"
    r"reset|required|count|id|ed|ing|es|age|word|wd|phrase|code|through|ive|er|port)(?![a-z]))[A-Za-z0-9_-]{1,30}"
)
_WEAK = (
    r"token|session[_-]?id|session[_-]?key|sess(?:ion)?|sid|jwt|otp|pin[_-]?code|csrf|xsrf|amz-signature|"
    r"[?&](?:sig|key|code|auth)"
)
_NAME = regex(
    rf"(?P<word>{_STRONG}|{_WEAK}|(?:{_ASSIGNED})(?=[\"'\]]{{0,2}}[ \t]{{0,2}}(?:=(?!=)|%3D|[ \t])))(?![A-Za-z0-9_-])"
    r"(?P<mid>\\{0,7}[\"'`\]]?[ \t]{0,8}(?:=>|:=|[=:：]|%3D)[ \t]{0,8}|\\{0,7}[\"'][ \t]{0,4},[ \t\n]{0,8}|"
    r"[ \t]{1,4}|>)"
    r"(?P<value>"
    r"[bBrRuUfF]{0,2}(?:[A-Za-z]{1,30}\()?(?:"
    r"(?P<triple>\"\"\"|''')(?:(?!(?P=triple))[\s\S]){0,4000}|"
    r"(?P<quote>[\"'`])(?:\\.|(?!(?P=quote))[^\\\n]){0,4000}|"
    r"(?P<escaped>\\{1,7}[\"'])(?:(?!(?P=escaped))[^\n]){0,4000})"
    r"|[|>][-+]?[ \t]{0,8}\n[ \t]{1,40}[^\n]{1,2000}"
    r"|(?:[^\s\"'`<>,;&)}\]\\]|[,;&)}\]\\](?=[^\s\"'`,;)}\]])(?![\w.-]{1,40}[\"']?[=:])){1,2000}"
    r")",
    re.IGNORECASE,
)
_STRONG_NAME = regex(rf"(?:{_STRONG}|{_ASSIGNED})\Z", re.IGNORECASE)
_WEAK_NAME = regex(r"(?:token|session[_-]?id|session[_-]?key|jwt|otp)\Z", re.IGNORECASE)
_FLAG = regex(r"-{1,2}[A-Za-z0-9_-]{0,60}\Z")
_NOTHING = regex(
    r"(?:none|null|nil|true|false|\*+|x{3,}|\.{2,}|…|-|\[redacted\]?.*|<[a-z _-]*>?|\$\{?\w+\}?|%\w*)[.,;:!)]*",
    re.IGNORECASE,
)
_CODE = regex(r"await\Z|self\.|[A-Za-z_][\w.]{0,100}\(")  # a line of source: "session = self.take()"
_PROSE = regex(  # behind "password: " in a sentence
    r"(?:yes|no|ok|required|missing|invalid|incorrect|expired|wrong|empty|unset|set|changed|str|string|bytes|optional|is|"
    r"was|for|not|and|or|has|in|to|of|from|the|must|should|cannot|could|will|be|does|do|too|at|"
    r"denied|failed|granted|refused|rejected|disabled|enabled|success)[.,;:!)]*",
    re.IGNORECASE,
)
_LINE = regex(  # a line of YAML, of an env file, or a header: all of it is the value
    r"^(?P<name>[ \t]{0,40}(?:-[ \t]+|export[ \t]+|> |< )?[\w.-]{0,60}?"
    rf"(?:{_STRONG})[ \t]{{0,8}}(?P<mid>[:=])[ \t]{{0,8}})"
    r"(?P<value>[^\s\"'|>{\[][^\n]{0,4000})",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER = regex(
    r"(?P<name>(?:authorization|cookie)\\{0,7}[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\{0,7}[b]?[\"']?)(?:"
    r"(?P<parameters>(?:Digest|OAuth|Hawk|Signature|AWS4-[\w-]{1,40})[ \t][^\n]{1,4000})|"
    r"(?P<scheme>(?:Bearer|Basic|Token|Negotiate|ApiKey|NTLM)[ \t]{1,4})[^\s\"'\\,;]{1,4000}|"
    r"(?P<cookies>[^\s\"'=;]{1,200}=[^\s\"';]{0,4000}(?:;[ \t]{0,2}[^\s\"';]{1,4000}){0,100}))",
    re.IGNORECASE,
)
_BEARER = regex(
    r"\b(Bearer|Basic)\s{1,4}(?=[A-Za-z_~+/.-]{0,200}[0-9=])[A-Za-z0-9._~+/-]{12,4000}={0,2}", re.IGNORECASE
)
_USER_INFO = regex(r"://([^\s/@:\"'<>?#]{0,100})(:[^\s/\"'<>]{0,300})?@(?=[\w\[.*%-])")
_LOOKS_LIKE_KEY = regex(r"(?=[^0-9]{0,100}[0-9])[A-Za-z0-9_-]{16,}")
_PEM_BASE64 = regex(r"(?:[A-Za-z0-9+/=\s]|\\[nr]|[A-Z][A-Za-z-]{2,20}: [^\n]{0,100}){0,20000}")


# Cheap looks that spare ordinary text the long ones: most of a log holds none of these.
_NAMES_HINT = (
    *("pass", "pw", "secret", "key", "cred", "auth", "cookie", "token", "sess", "sid", "jwt", "otp", "pin", "csrf"),
    *("xsrf", "signature", "sig=", "code=", "パス", "暗証"),
)
_TOKENS_HINT = (
    *("AKIA", "ASIA", "ABIA", "ACCA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "_pat_", "glpat", "gldt", "glrt"),
    *("glptt", "glsoat", "glagent", "gloas", "glcbt", "glc_", "xox", "xapp-", "k_live", "k_test", "whsec", "AIza"),
    *("ya29", "GOCSPX", "eyJ", "sk-", "npm_", "pypi-", "SG.", "SK", "hf_", "_v1_", "key-", "dapi", "shp", "AGE-"),
    *("hvs.", "hvb.", "hvr.", "lin_", "NRAK", ":AA", "EAA", "ATATT3"),
)
_BLOCK = 16384  # characters
_SHORT = 300


def redact(text: str) -> str:
    """The text without what looks like a secret; everything else stays as it was."""
    if len(text) <= _SHORT:
        return _redact_short(text)
    if "-----" in text:
        text = _without_pem(text)
    if len(text) <= _BLOCK:
        return _redact_block(text)
    return "".join(_redact_block(block) for block in _blocks(text))


@lru_cache(maxsize=8192)
def _redact_short(text: str) -> str:
    """Evidence says the same file names and functions thousands of times."""
    return _redact_block(_without_pem(text) if "-----" in text else text)


def _blocks(text: str) -> Iterator[str]:
    """Cut between lines that do not belong together."""
    begin = 0
    while len(text) - begin > _BLOCK:
        end = text.find("\n", begin + _BLOCK) + 1
        while end and (text[end : end + 1].isspace() or text[max(begin, end - 2)] in "|>,:=-"):
            end = text.find("\n", end) + 1
        if not end:
            break
        yield text[begin:end]
        begin = end
    yield text[begin:]


def _redact_block(text: str) -> str:
    lower = text.lower()
    if "://" in text:
        text = _USER_INFO.sub(_user_info, text)
        text = WEBHOOKS.sub(rf"\1{REDACTED}", text)
    text = option_secrets.redact(text, REDACTED)
    if any(hint in lower for hint in _NAMES_HINT):
        text = near.replace(_HEADER, _header, text, lambda places: places.of(near.HEADERS))
        text = near.replace(_LINE, _line, text, lambda places: places.lines_of(near.STRONG))
        text = near.replace(_NAME, _named, text, lambda places: places.of(near.NAMES))
    if "bearer" in lower or "basic" in lower:
        text = _BEARER.sub(rf"\1 {REDACTED}", text)
    if any(hint in text for hint in _TOKENS_HINT):
        text = TOKENS.sub(REDACTED, text)
    return text


def redact_data(value: Any, depth: int = 40) -> Any:
    """The same for what will be written as JSON: names of keys and flags before a word are understood."""
    if depth <= 0:
        return REDACTED
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _field(key, inner, depth) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        words = option_secrets.redact_words(value, REDACTED)
        inner = [_after(words, index, depth) for index in range(len(words))]
        return inner if isinstance(value, list) else tuple(inner)
    return value


def _field(key: Any, value: Any, depth: int) -> Any:
    if isinstance(value, str) and isinstance(key, str) and value and not _NOTHING.fullmatch(value):
        if _STRONG_NAME.search(key) and not (key.lower() in ("pwd", "oldpwd") and value.startswith("/")):
            return REDACTED
        if _WEAK_NAME.search(key) and len(value) >= 6:
            return REDACTED
    return redact_data(value, depth - 1)


def _after(words: list[Any] | tuple[Any, ...], index: int, depth: int) -> Any:
    """A word of an argv; the one behind `--password` is taken out."""
    word, before = words[index], words[index - 1] if index else None
    if isinstance(before, str) and isinstance(word, str) and before.startswith("-") and not word.startswith("-"):
        name = before.lstrip("-")
        if (_STRONG_NAME.search(name) or _WEAK_NAME.search(name)) and "=" not in name:
            return REDACTED
    return redact_data(word, depth - 1)


def _header(found: re.Match[str]) -> str:
    return f"{found['name']}{found['scheme'] or ''}{REDACTED}"


def _line(found: re.Match[str]) -> str:
    value = found["value"].strip()
    if _NOTHING.fullmatch(value) or (found["mid"] == ":" and _PROSE.fullmatch(value)):
        return found[0]
    if found["mid"] == "=" and re.search(r"[=;&]", value):  # more names on this line
        return found[0]
    if found["name"].strip(" \t:=-").lower() in ("pwd", "export pwd") and value.startswith("/"):
        return found[0]
    return f"{found['name']}{REDACTED}"


def _named(found: re.Match[str]) -> str:
    """A name that ends like a secret's, what stands between, and the value."""
    word, mid, value = found["word"], found["mid"], found["value"]
    quote = found["triple"] or found["quote"] or found["escaped"]
    inner = value.split(quote, 1)[1] if quote else value
    if not inner or _NOTHING.fullmatch(inner.strip()) or (":" in mid and not quote and _PROSE.fullmatch(inner)):
        return found[0]
    if not mid.strip(" \t"):  # nothing but blanks between: only behind a flag, "--password hunter2"
        line = found.string[max(0, found.start() - 60) : found.start()]
        if inner.startswith("-") or not _FLAG.search(line):
            return found[0]
    elif mid == ">" and found.string[max(0, found.start() - 1) : found.start()] not in ("<", "_", ":", "-"):
        return found[0]  # only <password>…</password>
    lower = word.lower()
    if lower == "pwd" and inner.startswith("/"):  # the shell's current folder
        return found[0]
    strong = _STRONG_NAME.fullmatch(word) is not None
    if not strong and not quote and not _weak_value(lower, mid, inner):
        return found[0]
    kept = value[: value.index(quote) + len(quote)] if quote else ""
    return f"{found.string[found.start() : found.start('value')]}{kept}{REDACTED}"


def _weak_value(word: str, mid: str, value: str) -> bool:
    """Whether a bare word behind "token" and its like is one: not prose, not a count."""
    if word.startswith(("?", "&")):
        return len(value) >= 8
    if (value.isdigit() and len(value) < 12) or _CODE.match(value):
        return False
    return any(character.isdigit() for character in value) or len(value) >= 16 or mid.strip() == "="


def _user_info(found: re.Match[str]) -> str:
    user, password = found[1], found[2]
    if password is not None:
        return f"://{user}:{REDACTED}@" if len(password) > 1 else found[0]
    return f"://{REDACTED}@" if _LOOKS_LIKE_KEY.fullmatch(user) else found[0]


def _without_pem(text: str) -> str:
    """PEM blocks, also those whose beginning or end was cut off by a log's tail."""
    parts, at = [], 0
    while (begin := text.find("-----BEGIN ", at)) >= 0:
        parts.append(text[at:begin])
        head = text.find("-----", begin + 11, begin + 85)
        if head < 0 or "\n" in text[begin:head]:
            parts.append("-----BEGIN ")
            at = begin + 11
            continue
        body = head + 5
        following = text.find("-----BEGIN ", body, body + 100_000)
        end = text.find("-----END ", body, following if following >= 0 else body + 100_000)
        if end >= 0:
            tail = text.find("-----", end + 9, end + 80)
            at = tail + 5 if tail >= 0 else end + 9
        else:
            rest = _PEM_BASE64.match(text, body)
            at = rest.end() if rest else body
        if text.startswith(REDACTED, at):
            at += len(REDACTED)  # done before
        parts.append(f"{text[begin:body]}{REDACTED}")
    parts.append(text[at:])
    whole = "".join(parts)
    end = whole.find("-----END ")
    if end < 0:
        return whole
    first = end  # the lines above an END without a BEGIN are base64
    while first > 0:
        line = whole.rfind("\n", 0, first - 1) + 1
        if not re.fullmatch(r"[A-Za-z0-9+/=\r]{0,80}\n?", whole[line:first]):
            break
        first = line
    return f"{whole[:first]}{REDACTED}\n{whole[end:]}" if first < end else whole
