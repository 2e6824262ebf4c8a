#!/bin/sh
# The types as each system sees them, side by side. A platform's own folder is read on that platform alone. Without a cache
# for two of them, for what was read for one system says nothing about another.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/mypy --platform win32 --cache-dir /dev/null --exclude 'watchdog/system/(linux|macos|posix)/' &
windows=$!
.venv/bin/mypy --platform darwin --cache-dir /dev/null --exclude 'watchdog/system/(linux|windows)/' &
macos=$!
status=0
.venv/bin/mypy || status=$?
wait "$windows" || status=$?
wait "$macos" || status=$?
exit "$status"
