#!/bin/sh
# wd on Windows' own Python, under Wine: sets it up once, copies this checkout into it, runs tests/windows.
#
#   sh tests/windows.sh [FILES AND OPTIONS OF PYTEST]    the unit tests, then the live ones in tests/windows
#   sh tests/windows.sh --run SCRIPT [WORDS]             tests/windows/many_kills.py, for example
#
# Needs wine64 and x86_64-w64-mingw32-gcc (Debian: wine wine64 gcc-mingw-w64-x86-64-win32 unzip), a Python 3.12 of this
# machine, and PyPI. Where they cannot be had the reason is printed and the exit code is 0. On a real Windows:
#   python -m pytest tests/windows
set -eu
cd "$(dirname "$0")/.."
root=${WD_WINE:-${XDG_CACHE_HOME:-$HOME/.cache}/wd-windows}

skip() { echo "skipped: $1"; exit 0; }

wine=$(command -v wine64 || ls /usr/lib/wine/wine64 2>/dev/null) || skip "there is no wine64 (Debian: apt install wine wine64)"
command -v x86_64-w64-mingw32-gcc >/dev/null || skip "there is no x86_64-w64-mingw32-gcc (Debian: apt install gcc-mingw-w64-x86-64-win32)"
command -v unzip >/dev/null || skip "there is no unzip"
python=
for one in ${PYTHON312:-} python3.12 "$HOME"/.pyenv/versions/3.12.*/bin/python; do
    if "$one" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 12))' 2>/dev/null; then python=$one; fi
done
[ -n "$python" ] || skip "there is no Python 3.12, whose library Windows' interpreter needs (PYTHON312 names one)"

export WINEPREFIX="$root/prefix" WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=;mshtml=;winemenubuilder.exe="
drive=$WINEPREFIX/drive_c
WINE=$wine PYTHON=$python ROOT=$root sh tests/windows/setup.sh || skip "Windows' Python could not be set up, see $root/setup.log"

# Wine looks for the owner of each socket of this machine in turn: a kill took 8 s beside 700 sockets of other programs.
# Where that is allowed it gets a network of its own, in which its services must be started, too.
if [ -z "${WD_WINE_APART:-}" ] && unshare -n ip link set lo up 2>/dev/null; then
    wineserver -k </dev/null >/dev/null 2>&1 || true
    export WD_WINE_APART=1
    exec unshare -n sh -c 'ip link set lo up; exec sh "$0" "$@"' "$PWD/tests/windows.sh" "$@"
fi

# The checkout, always fresh, installed as `pip install -e` would.
rm -rf "$drive/wd"
mkdir -p "$drive/wd"
for part in watchdog runbooks playbooks tests docs benchmarks README.md CHANGELOG.md CONTRIBUTING.md LICENSE MANIFEST.in \
    pyproject.toml setup.cfg; do
    cp -r "$part" "$drive/wd/$part"
done
find "$drive/wd" -name __pycache__ -prune -exec rm -rf {} +
echo 'C:\wd' >"$drive/Python312/Lib/site-packages/wd.pth"
# Compiled once, here: under Wine that would take longer than the tests.
unset PYTHONDONTWRITEBYTECODE
"$python" -m compileall -q "$drive/Python312/Lib" "$drive/wd" >/dev/null || true

# Wine keeps the output of whoever starts its services: they are started with none. And Windows' Python wants a pipe.
"${wine}server" -p60 </dev/null >/dev/null 2>&1 || wineserver -p60 </dev/null >/dev/null 2>&1 || true
"$wine" wineboot </dev/null >/dev/null 2>&1 || true
pipe=$root/output.$$
mkfifo "$pipe"
cat "$pipe" &
reader=$!
status=0
cd "$drive/wd"
if [ "${1:-}" = --run ]; then
    shift
else
    case "$*" in *tests[/\\]*) ;; *) set -- "$@" tests/unit tests/windows ;; esac
    rm -f "$root/result.xml"
    set -- -m pytest -q --junitxml result.xml -p no:cacheprovider --timeout 400 "$@"
fi
timeout -k 10 3600 "$wine" "$drive/Python312/python.exe" "$@" </dev/null >"$pipe" 2>&1 || status=$?
wait "$reader" || true
rm -f "$pipe"
[ ! -f result.xml ] || cp result.xml "$root/result.xml"  # docs/proven.py makes the table of it
exit "$status"
