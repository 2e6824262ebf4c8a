#!/bin/sh
# The types as each system sees them. A platform's own folder is read on that platform alone. Without a cache, for what was
# read for one system says nothing about another.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/mypy
.venv/bin/mypy --platform win32 --cache-dir /dev/null --exclude 'watchdog/system/(linux|macos|posix)/'
.venv/bin/mypy --platform darwin --cache-dir /dev/null --exclude 'watchdog/system/(linux|windows)/'
