"""The content of a file that another process has open for reading."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.open_files import read_open_file
else:
    from watchdog.system.portable.untold import read_open_file

__all__ = ["read_open_file"]
