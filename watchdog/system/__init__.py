"""The only room that knows an operating system."""

import sys

if "wd_portable" in sys._xoptions:  # `python -X wd_portable`, by tests on Linux alone
    from watchdog.system import pretended  # noqa: F401
