"""Text of strangers made safe to show: command lines, logs and file names can hold terminal commands.

Every sink (terminal, Markdown, HTML, JSON for a person, a chat) shows control characters as what they are instead of
obeying them.
"""

from __future__ import annotations

import re

# C0 and C1 controls and DEL; the marks that turn the writing direction round; characters that are not seen and hide
# something (zero width, tags, variation of annotations); line and paragraph separators; lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\x1b": "\\e"}


def printable(text: str) -> str:
    """One line that forges nothing: what would be obeyed is shown, as \\n, \\e, \\x07 or \\u202e."""
    return _UNSAFE.sub(_shown, text)


def printable_lines(text: str) -> str:
    """The same for several lines: newlines stay, tabs become blanks."""
    return "\n".join(printable(line.expandtabs(4)) for line in text.replace("\r\n", "\n").split("\n"))


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    if character in _SHORT:
        return _SHORT[character]
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
