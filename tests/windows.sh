#!/bin/sh
# wd on Windows' own Python, under Wine: sets it up once, copies this checkout into it, runs tests/windows.
#
#   sh tests/windows.sh [FILES AND OPTIONS OF PYTEST]    the live tests in tests/windows and the unit tests, side by side
#   sh tests/windows.sh --run SCRIPT [WORDS]             tests/windows/many_kills.py, for example
#
# Unit tests that say the same on every system are left out: those of the source and documents of the project, and those
# that give thousands of inputs to code that asks no system (the mark `same_everywhere`). Linux runs them.
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
rm -rf "$drive/wd-before"
[ ! -d "$drive/wd" ] || mv "$drive/wd" "$drive/wd-before"
mkdir -p "$drive/wd"
for part in watchdog runbooks playbooks tests docs benchmarks README.md CHANGELOG.md CONTRIBUTING.md LICENSE MANIFEST.in \
    pyproject.toml setup.cfg; do
    cp -rp "$part" "$drive/wd/$part"
done
find "$drive/wd" -name __pycache__ -prune -exec rm -rf {} +
echo 'C:\wd' >"$drive/Python312/Lib/site-packages/wd.pth"
# Compiled here: under Wine that would take longer. What was compiled for the last run fits where a file is the same.
unset PYTHONDONTWRITEBYTECODE
if [ -d "$drive/wd-before" ]; then
    (cd "$drive/wd-before" && find . -name __pycache__ -print0 | tar --null -cf - -T -) | tar -xf - -C "$drive/wd"
    rm -rf "$drive/wd-before"
fi
"$python" -m compileall -q -j 0 "$drive/wd" >/dev/null || true

# Whatever becomes of this run, nothing of it stays: servers of failed tests neither.
trap 'wineserver -k </dev/null >/dev/null 2>&1 || true' EXIT
# Wine keeps the output of whoever starts its services: they are started with none. And Windows' Python wants a pipe.
"${wine}server" -p60 </dev/null >/dev/null 2>&1 || wineserver -p60 </dev/null >/dev/null 2>&1 || true
"$wine" wineboot </dev/null >/dev/null 2>&1 || true
pipe=$root/output.$$
run() {
    mkfifo "$pipe"
    cat "$pipe" &
    reader=$!
    ended=0
    timeout -k 10 3600 "$wine" "$drive/Python312/python.exe" "$@" </dev/null >"$pipe" 2>&1 || ended=$?
    # What a crash leaves (Wine's debugger, its desktop) keeps the pipe, and nobody ends it.
    for second in 1 2 3 4 5; do kill -0 "$reader" 2>/dev/null && sleep 1 || break; done
    kill "$reader" 2>/dev/null || true
    wait "$reader" 2>/dev/null || true
    rm -f "$pipe"
    return "$ended"
}
cd "$drive/wd"
status=0
if [ "${1:-}" = --run ]; then
    shift
    run "$@" || status=$?
    exit "$status"
fi
# The live tests come first: they wait, and meanwhile the others take the unit tests, then what is left. A file that is
# left out as a whole is not even read: some of these go through all sources of the project while they are collected.
case "$*" in
*tests[/\\]*) ;;
*)
    for file in $(grep -l "^pytestmark = pytest.mark.same_everywhere" tests/unit/*.py); do set -- "$@" "--ignore=$file"; done
    set -- "$@" tests/windows tests/unit
    ;;
esac
run -m pytest -q -n "${WD_WINE_WORKERS:-3}" --dist worksteal -m "not same_everywhere" --timeout 400 --junitxml result.xml "$@" \
    || status=$?
[ ! -f result.xml ] || cp result.xml "$root/result.xml" # docs/proven.py makes the table of it
[ "$status" -eq 1 ] || exit "$status"
# Real servers side by side on a busy machine: what failed is tried once more, alone. Failing twice is failing.
echo "once more, alone, what failed:"
run -m pytest -q --timeout 400 --last-failed --last-failed-no-failures none "$@"
