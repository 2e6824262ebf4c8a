#!/bin/sh
# Makes a real Windows CPython 3.12 under Wine, from PyPI and this machine's own Python of that version. Each part is
# made once. Called by ../windows.sh, which sets WINE, PYTHON, ROOT and WINEPREFIX.
#
# The interpreter's DLL and its extension modules are those of python.org, as the wheel of Panda3D carries them. All is on
# drive C:, not on Z:, which is this machine's root folder: there a Windows program would find /proc.
set -eu
dest=$WINEPREFIX/drive_c/Python312
mkdir -p "$ROOT"
exec 3>&1 >"$ROOT/setup.log" 2>&1

if [ ! -f "$WINEPREFIX/system.reg" ]; then
    "$WINE" wineboot -i </dev/null | cat
    "$WINE" reg add 'HKCU\Software\Wine' /v Version /d win10 /f </dev/null | cat
fi

if [ ! -f "$dest/python312.dll" ]; then
    echo "sets up Windows' Python in $ROOT" >&3
    work=$(mktemp -d)
    "$PYTHON" -m pip download -q --no-deps --only-binary=:all: --platform win_amd64 --python-version 3.12 \
        --implementation cp -d "$work" 'panda3d==1.10.16'
    unzip -qo "$work"/panda3d-*.whl 'deploy_libs/*' -d "$work"
    libraries=$work/deploy_libs
    # Wine has a C runtime of its own. _wmi: Wine 8 aborts in it, and Python does without.
    rm -f "$libraries"/api-ms-win-*.dll "$libraries"/_wmi.pyd "$libraries"/tcl86t.dll "$libraries"/tk86t.dll "$libraries"/_tkinter.pyd
    mkdir -p "$dest/DLLs" "$dest/Lib" "$dest/Scripts"
    mv "$libraries"/VCRUNTIME140*.dll "$dest/"
    dll=$libraries/python312.dll
    cp "$dll" "$work/python312.dll"
    mv "$libraries"/* "$dest/DLLs/"

    library=$("$PYTHON" -c 'import os; print(os.path.dirname(os.__file__))')
    (cd "$library" && tar cf - --exclude=__pycache__ --exclude=./site-packages --exclude=./lib-dynload --exclude=./test \
        --exclude=./idlelib --exclude=./tkinter --exclude='./config-*' --exclude='./_sysconfigdata*' .) | tar xf - -C "$dest/Lib"
    mkdir -p "$dest/Lib/site-packages"

    # python.exe is a call of Py_Main, with a manifest: without one, Windows says that it is Windows 8.
    cat >"$work/python.c" <<'C'
#include <wchar.h>
extern __declspec(dllimport) int Py_Main(int, wchar_t **);
int wmain(int argc, wchar_t **argv) { return Py_Main(argc, argv); }
C
    cat >"$work/python.manifest" <<'C'
<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
<compatibility xmlns="urn:schemas-microsoft-com:compatibility.v1"><application>
<supportedOS Id="{8e0f7a12-bfb3-4fe8-b9a5-48fd50a15a9a}"/></application></compatibility></assembly>
C
    echo '1 24 "python.manifest"' >"$work/python.rc"
    (cd "$work" && x86_64-w64-mingw32-windres python.rc -o res.o)
    x86_64-w64-mingw32-gcc -O1 -municode -Wl,--stack,2000000 -s -o "$dest/python.exe" "$work/python.c" "$work/res.o" "$work/python312.dll"
    # python3.dll hands everything on to python312.dll: wheels of the stable ABI are linked against it.
    "$PYTHON" - "$work/python312.dll" >"$work/python3.def" <<'P'
import re, subprocess, sys
dump = subprocess.run(["x86_64-w64-mingw32-objdump", "-p", sys.argv[1]], capture_output=True, text=True, check=True).stdout
table = dump.split("[Ordinal/Name Pointer] Table", 1)[1].split("\n\n", 1)[0]
print("LIBRARY python3.dll\nEXPORTS")
for line in table.splitlines():
    if found := re.match(r"\s*\[\s*\d+\].*?(\w+)$", line):
        print(f"  {found[1]} = python312.{found[1]}")
P
    echo 'int __stdcall DllMainCRTStartup(void *h, unsigned r, void *p) { return 1; }' >"$work/d.c"
    x86_64-w64-mingw32-gcc -shared -nostdlib -s -e DllMainCRTStartup -o "$dest/python3.dll" "$work/d.c" "$work/python3.def"
    # What programs written in Rust take their random numbers from; Wine 8 has no such library.
    cat >"$work/b.c" <<'C'
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE p, SIZE_T n) {
  while (n) { ULONG k = n > 0x1000000 ? 0x1000000 : (ULONG)n; if (!SystemFunction036(p, k)) return FALSE; p += k; n -= k; }
  return TRUE;
}
C
    prng=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll
    [ -f "$prng" ] || x86_64-w64-mingw32-gcc -O1 -shared -s -o "$prng" "$work/b.c" -ladvapi32
    mv "$work/python312.dll" "$dest/"
    rm -rf "$work"
fi

# Under Wine the two do not differ: a program without a console.
[ -f "$dest/pythonw.exe" ] || cp "$dest/python.exe" "$dest/pythonw.exe"

# The python.exe of a virtual environment starts the real interpreter, which ends with it. python.org's own is in no wheel.
launchers=$dest/Lib/venv/scripts/nt
if [ ! -f "$launchers/python.exe" ]; then
    work=$(mktemp -d)
    mkdir -p "$launchers"
    cat >"$work/launcher.c" <<'C'
#include <windows.h>
#include <stdio.h>
#include <wchar.h>
int wmain(void) {
  wchar_t self[MAX_PATH], path[MAX_PATH], line[1024], home[1024] = L"";
  GetModuleFileNameW(NULL, self, MAX_PATH);
  wcscpy(path, self);
  for (int up = 0; up < 2; up++) *wcsrchr(path, L'\\') = 0;
  wcscat(path, L"\\pyvenv.cfg");
  FILE *config = _wfopen(path, L"r");
  if (!config) return 106;
  while (!*home && fgetws(line, 1024, config)) swscanf(line, L"home = %1023l[^\r\n]", home);
  fclose(config);
  _snwprintf(path, MAX_PATH, L"%ls\\python.exe", home);
  SetEnvironmentVariableW(L"__PYVENV_LAUNCHER__", self);
  HANDLE job = CreateJobObjectW(NULL, NULL);
  JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits = {0};
  limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE | JOB_OBJECT_LIMIT_SILENT_BREAKAWAY_OK;
  SetInformationJobObject(job, JobObjectExtendedLimitInformation, &limits, sizeof limits);
  STARTUPINFOW start = {sizeof start};
  PROCESS_INFORMATION child;
  GetStartupInfoW(&start);
  if (!CreateProcessW(path, GetCommandLineW(), NULL, NULL, TRUE, CREATE_SUSPENDED, NULL, NULL, &start, &child)) return 101;
  AssignProcessToJobObject(job, child.hProcess);
  ResumeThread(child.hThread);
  WaitForSingleObject(child.hProcess, INFINITE);
  DWORD code;
  GetExitCodeProcess(child.hProcess, &code);
  return (int)code;
}
C
    x86_64-w64-mingw32-gcc -O1 -municode -s -o "$launchers/python.exe" "$work/launcher.c"
    cp "$launchers/python.exe" "$launchers/pythonw.exe"
    rm -rf "$work"
fi

packages=$dest/Lib/site-packages
# pip reads the markers of the machine that it runs on, so what only Windows needs is named: the last five.
wanted="psutil>=7.0 requests>=2.31 click>=8.1 apscheduler>=3.11,<4 loguru>=0.7.2 jinja2>=3.1.6 pydantic>=2.7 ruamel.yaml>=0.18
rich>=13 py-spy>=0.4.3 markdown-it-py>=3 platformdirs>=4 cronsim>=2.6 google-re2>=1.1.20240702 babel>=2.14 xmlschema>=3 starlette>=1.0
uvicorn>=0.40 prometheus-client>=0.22 sqlalchemy>=2.0.30 alembic>=1.13 psycopg[binary]>=3.1
pytest>=8 pytest-timeout>=2.3 pytest-xdist>=3.6 hypothesis sortedcontainers colorama win32-setctime tzdata tzlocal"
# Packages of another list are those of an older state of the project.
if [ "$(cat "$packages/wanted.txt" 2>/dev/null)" != "$wanted" ]; then
    rm -rf "$packages"
    mkdir -p "$packages"
    # shellcheck disable=SC2086
    "$PYTHON" -m pip install -q --no-compile --target "$packages" --only-binary=:all: --platform win_amd64 \
        --python-version 3.12 --implementation cp --abi cp312 --abi abi3 --abi none $wanted
    mv "$packages"/bin/*.exe "$dest/Scripts/" 2>/dev/null || true
    echo "$wanted" >"$packages/wanted.txt"
fi

# Wine 8 lacks the one call by which psutil finds the program of a process. Asked through a handle instead.
if ! grep -q wine_proc_exe "$packages/psutil/_pswindows.py"; then
    cat >>"$packages/psutil/_pswindows.py" <<'P'


def wine_proc_exe(pid):
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.OpenProcess.restype = wintypes.HANDLE
    handle = kernel.OpenProcess(0x1000, False, pid)
    if not handle:
        error = ctypes.get_last_error()
        raise NoSuchProcess(pid) if error == 87 else ctypes.WinError(error)
    try:
        text, size = ctypes.create_unicode_buffer(32768), wintypes.DWORD(32768)
        if not kernel.QueryFullProcessImageNameW(wintypes.HANDLE(handle), 0, text, ctypes.byref(size)):
            raise ctypes.WinError(ctypes.get_last_error())
        return text.value
    finally:
        kernel.CloseHandle(wintypes.HANDLE(handle))


cext.proc_exe = wine_proc_exe
P
fi
# Wine 8 names the owner of a listening socket only where TCP_NODELAY is set on it. In Python's own module, so that a
# program which uses no socket does not have to import it.
if ! grep -q listen_and_tell "$dest/Lib/socket.py"; then
    cat >>"$dest/Lib/socket.py" <<'P'


def listen_and_tell(self, *backlog, _listen=socket.listen):
    _listen(self, *backlog)
    if self.family in (AF_INET, AF_INET6) and self.type == SOCK_STREAM:
        self.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)


socket.listen = listen_and_tell
P
fi
# Wine 8 ends a program that calls CopyFile2. Python does without where the name is not there.
sed -i 's/if hasattr(_winapi, "CopyFile2"):/if False:/' "$dest/Lib/shutil.py"
# Under Wine a stat takes a millisecond, and an import asks for three to six of them: half of the time of a short program.
# What lies in these folders stays as it is while a program runs, so each is asked for once.
if [ ! -f "$packages/wine_imports.pth" ]; then
    cat >"$packages/wine_imports.py" <<'P'
import _frozen_importlib_external as external

known, ask = {}, external._path_stat


def remembered(path):
    if not path.startswith(("C:\\Python312", "C:\\wd")):
        return ask(path)
    if path not in known:
        known[path] = ask(path)
    return known[path]


external._path_stat = remembered
P
    echo "import wine_imports" >"$packages/wine_imports.pth"
fi
# Compiled here, where that takes seconds: under Wine it would take longer than the tests.
[ -f "$packages/compiled" ] || { "$PYTHON" -m compileall -q -j 0 "$dest/Lib" || true; touch "$packages/compiled"; }
"$WINE" "$dest/python.exe" -c "import psutil, pydantic" </dev/null 2>&1 | cat
