"""For tests on Linux, behind `python -X wd_portable`: the doors of macOS, as far as they ask psutil and POSIX.

No variable and no file switches this on. The libraries are imported before, as those of the system that this is.
"""

from __future__ import annotations

import asyncio  # noqa: F401
import concurrent.futures  # noqa: F401
import ctypes  # noqa: F401
import logging.handlers  # noqa: F401
import multiprocessing  # noqa: F401
import shutil  # noqa: F401
import socket  # noqa: F401
import sqlite3  # noqa: F401
import ssl  # noqa: F401
import subprocess  # noqa: F401
import sys
import sysconfig
import tempfile  # noqa: F401

import platformdirs  # noqa: F401
import psutil  # noqa: F401
import requests  # noqa: F401
import rich.console  # noqa: F401

sysconfig.get_config_vars()  # kept: its file bears the name of the system
sys.platform = "darwin"
