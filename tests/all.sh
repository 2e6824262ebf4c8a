#!/bin/sh
# Everything that must hold: lint, types, tests. Installs what it needs into .venv of this checkout; for root, also the
# Debian packages that live tests start (sshd, PostgreSQL, chromium and the like; WD_TEST_PACKAGES=no leaves them out).
#
#   sh tests/all.sh [PYTEST OPTIONS]
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
[ -x .venv/bin/python ] || "$python" -m venv .venv
# As a plain path: setuptools' finder would cost each of the many interpreters below as much as its own start.
.venv/bin/python -m pip install --quiet --disable-pip-version-check --config-settings editable_mode=compat -e '.[test]'
# Compiled once and kept, for else each worker compiles all tests by itself.
unset PYTHONDONTWRITEBYTECODE
.venv/bin/python -m pytest -q --collect-only tests/live >/dev/null || true
sh tests/system_packages.sh
.venv/bin/ruff check .
.venv/bin/ruff format --check .
sh tests/types.sh
# The unit part first: seconds, so that a plain mistake is told before any server is started.
.venv/bin/python -m pytest -q -n 2 tests/unit
status=0
.venv/bin/python -m pytest -q -n 6 --dist loadfile tests/live "$@" || status=$?
[ "$status" -eq 1 ] || exit "$status"
# Real servers side by side on a busy machine: what failed is tried once more, alone. Failing twice is failing.
echo "once more, alone, what failed:"
exec .venv/bin/python -m pytest -q --last-failed --last-failed-no-failures none tests/live "$@"
