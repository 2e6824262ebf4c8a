#!/bin/sh
# The types as each system sees them. A platform's own folder is read on that platform alone.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/mypy
.venv/bin/mypy --platform win32 --cache-dir .mypy_cache/win32 --exclude 'watchdog/system/(linux|macos|posix)/'
.venv/bin/mypy --platform darwin --cache-dir .mypy_cache/darwin --exclude 'watchdog/system/(linux|windows)/'
