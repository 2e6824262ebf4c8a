"""Files whose names come from a process, opened with no more rights than that process has."""

from __future__ import annotations

import sys

if sys.platform == "linux":
    from watchdog.system.linux.target_files import prepare, present, read_file, read_files, read_folders
else:
    from watchdog.system.portable.target_files import prepare, present, read_file, read_files, read_folders

__all__ = ["prepare", "present", "read_file", "read_files", "read_folders"]
