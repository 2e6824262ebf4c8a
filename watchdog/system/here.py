"""Which system this is, for people and for runbooks. What differs between systems lies in the platform folders."""

from __future__ import annotations

import sys

NAME = {"darwin": "macos", "win32": "windows"}.get(sys.platform, "linux")
PROVEN = sys.platform == "linux"
