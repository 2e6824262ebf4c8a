# What only a real Windows can show, one check after the other, with a table at the end. Nothing stays behind.
#
#   powershell -ExecutionPolicy Bypass -File tests\windows\on_real_windows.ps1 [-Python C:\...\python.exe]
#
# Needs a Python in which wd and its tests are installed (pip install ".[test]"), and a terminal opened with
# "Run as administrator" for the tasks and services. What cannot be tried is shown as such.
param([string]$Python = ".venv\Scripts\python.exe")
$ErrorActionPreference = "Stop"
$Python = (Get-Command $Python).Source
$root = Split-Path -Parent (Split-Path -Parent $PSScriptRoot)
$folder = Join-Path ([IO.Path]::GetTempPath()) ("wd-check-" + [Guid]::NewGuid().ToString("N").Substring(0, 8))
New-Item -ItemType Directory $folder | Out-Null
$results = @()

function Check([string]$What, [string]$Command, [scriptblock]$Try) {
    Write-Host "... $What"
    try { $told = & $Try; $state = "yes" }
    catch { $told = $_.Exception.Message; $state = if ($told -like "not tried:*") { "-" } else { "NO" } }
    $script:results += [pscustomobject]@{ Shown = $state; What = $What; Told = "$told"; Command = $Command }
}
function Py([string]$Code) {
    $out = & $Python -c $Code 2>&1 | Out-String
    if ($LASTEXITCODE -ne 0) { throw $out.Trim() }
    return $out.Trim()
}
function Wd {
    $out = & $Python -m watchdog.cli.main --home $folder @args 2>&1 | Out-String
    if ($LASTEXITCODE -ne 0) { throw "code ${LASTEXITCODE}: $($out.Trim())" }
    return $out.Trim()
}
function Need-Admin {
    $me = New-Object Security.Principal.WindowsPrincipal([Security.Principal.WindowsIdentity]::GetCurrent())
    if (-not $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)) { throw "not tried: open the terminal with Run as administrator" }
}
function Listener([int]$Port) {
    return (Get-NetTCPConnection -State Listen -LocalPort $Port -ErrorAction SilentlyContinue | Select-Object -First 1).OwningProcess
}

# A home with one service.
foreach ($name in "playbooks", "runbooks", "logs") { New-Item -ItemType Directory (Join-Path $folder $name) | Out-Null }
$port = [int](Py "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
$playbook = @"
service: shop
find: {port: $port}
start:
  command: ['$Python', -m, http.server, '$port', --bind, 127.0.0.1]
  cwd: '$folder'
  ready: {within: 60s}
probes:
  health: {http: /, every: 5s, timeout: 3s, fails: 1}
triggers:
  - {on: health, run: frozen-server}
policy: {mode: act}
"@
[IO.File]::WriteAllText((Join-Path $folder "playbooks\shop.yml"), $playbook)

try {
    Check "the live tests" "python -m pytest -q tests\windows" {
        $out = & $Python -m pytest -q -p no:cacheprovider (Join-Path $root "tests\windows") 2>&1 | Out-String
        if ($LASTEXITCODE -ne 0) { throw $out.Trim().Split("`n")[-1] }
        $out.Trim().Split("`n")[-1]
    }
    Check "Windows tells the states of threads" "wd why" {
        Py "from watchdog.system.process import threads; import os; seen = {one.state for one in threads.look(os.getpid())}; assert '?' not in seen, seen; print(seen)"
    }
    Check "a closed handle alone frees a pid" "wd kill" {
        Py @"
import subprocess, sys
from watchdog.system import holds
child = subprocess.Popen([sys.executable, '-c', 'pass']); held = holds.hold(child.pid); child.wait(); pid = child.pid; del child
others = []
for _ in range(3000):
    one = subprocess.Popen([sys.executable, '-S', '-c', 'pass'], creationflags=0x08000000); others.append(one.pid); one.kill(); one.wait()
assert pid not in others, 'the number was given away'
print('3000 processes later the number is still free')
"@
    }
    Check "what wd writes is closed to other users, files too" "icacls FOLDER /T" {
        Wd "snapshot" "--pid" "$PID" | Out-Null
        Py @"
import pathlib
from watchdog.system.windows import access_lists, kernel, rights
written = list(pathlib.Path(r'$folder\logs').rglob('*'))
found = {str(one): rights.stranger(access_lists.of(one), kernel.user_sid(), rights.TO_SEE_OR_CHANGE) for one in written}
wrong = {path: kernel.account_name(who) for path, who in found.items() if who}
assert written and not wrong, wrong
print(len(written), 'files and folders: only the owner, the administrators and SYSTEM')
"@
    }
    Check "a home that others can change is refused until the printed commands are typed" "wd validate" {
        $books = Join-Path $folder "playbooks"
        icacls $books /grant "*S-1-5-11:(OI)(CI)M" | Out-Null
        try { Wd "validate" | Out-Null; $said = "" } catch { $said = $_.Exception.Message -replace "\s+", " " }
        if ($said -notmatch 'can be changed by .*(icacls "[^"]+" /inheritance:d), then (icacls "[^"]+" /remove:g "[^"]+" /T)') { throw "not refused: $said" }
        foreach ($typed in $Matches[1], $Matches[2]) { cmd /c $typed | Out-Null }
        Wd "validate" | Out-Null
        "refused, and used again after both commands"
    }
    Check "a home at the top of a drive is refused, one that wd init makes there is used" "mkdir C:\oncall; wd --home C:\oncall validate" {
        Need-Admin
        $made = "$env:SystemDrive\wd-check-made"; $other = "$env:SystemDrive\wd-check-init"
        try {
            New-Item -ItemType Directory "$made\playbooks", "$made\runbooks", "$made\logs" | Out-Null
            $out = & $Python -m watchdog.cli.main --home $made validate 2>&1 | Out-String
            if ($LASTEXITCODE -eq 0) { throw "not refused: $out" }
            & $Python -m watchdog.cli.main init $other 2>&1 | Out-Null
            $out = & $Python -m watchdog.cli.main --home $other validate 2>&1 | Out-String
            if ($LASTEXITCODE -ne 0) { throw "refused: $out" }
            "refused, and used"
        } finally { Remove-Item -Recurse -Force $made, $other -ErrorAction SilentlyContinue }
    }
    Check "a playbook of another owner is refused" "icacls FILE /setowner Guest" {
        Need-Admin
        $book = Join-Path $folder "playbooks\shop.yml"
        icacls $book /setowner "*S-1-5-32-546" | Out-Null  # the group of guests
        try {
            $out = & $Python -m watchdog.cli.main --home $folder validate 2>&1 | Out-String
            if ($out -notmatch "belongs to") { throw "not refused: $out" }
            "refused"
        } finally { icacls $book /setowner "*S-1-5-32-544" | Out-Null }
    }
    Check "a crash is found in the event log" "wevtutil qe Application" {
        $child = Start-Process $Python -ArgumentList "-X", "faulthandler=0", "-c", "`"import os; os.abort()`"" -PassThru -WindowStyle Hidden
        $child.WaitForExit()
        foreach ($i in 1..30) {
            $seen = Py "from watchdog.evidence import exits; print([one.last_lines[0] for one in exits.crashes()[0] if one.pid == $($child.Id)])"
            if ($seen -ne "[]") { return $seen }
            Start-Sleep 1
        }
        throw "no event for pid $($child.Id) within 30 s"
    }
    Check "what a task has started outlives the task" "wd schedule install --as task-scheduler" {
        Need-Admin
        Wd "schedule" "install" "--as" "task-scheduler" | Out-Null
        try {
            $name = (Wd "schedule" "show" "--as" "task-scheduler" "-o" "json" | Select-String '"name": ?"([^"]+)"').Matches[0].Groups[1].Value
            schtasks /Run /TN $name | Out-Null
            foreach ($i in 1..90) { if (Listener $port) { break }; Start-Sleep 1 }
            $server = Listener $port
            if (-not $server) { throw "the task ran, and nothing listens on port $port" }
            schtasks /End /TN $name | Out-Null
            Start-Sleep 5
            if ((Listener $port) -ne $server) { throw "the server ended with the task" }
            "pid $server lives; last result $((Get-ScheduledTaskInfo -TaskName $name.Trim('\')).LastTaskResult)"
        } finally { Wd "schedule" "remove" "--as" "task-scheduler" | Out-Null }
    }
    Check "the server outlives the terminal of wd" "wd start, then close the terminal" {
        & $Python -m watchdog.cli.main --home $folder stop shop --yes 2>&1 | Out-Null
        Start-Process $Python -ArgumentList "-m", "watchdog.cli.main", "--home", "`"$folder`"", "start", "shop" -Wait -WindowStyle Hidden
        Start-Sleep 3
        $server = Listener $port
        if (-not $server) { throw "nothing listens on port $port" }
        "pid $server lives after the console of wd was closed"
    }
    Check "a service is named, stopped and started through the service manager" "start: {through: 'service:NAME'}; wd stop NAME; sc query NAME; wd start NAME" {
        Need-Admin
        if ($PSVersionTable.PSVersion.Major -gt 5) { throw "not tried: run this script with powershell, not with pwsh" }
        $other = [int](Py "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
        $program = Join-Path $folder "wd-check-service.exe"
        Add-Type -OutputType ConsoleApplication -OutputAssembly $program -ReferencedAssemblies System.ServiceProcess -TypeDefinition @"
using System.Diagnostics;
using System.ServiceProcess;
class Keeper : ServiceBase {
    static string[] words;
    Process child;
    static void Main(string[] given) { words = given; Run(new Keeper()); }
    protected override void OnStart(string[] given) {
        child = Process.Start(new ProcessStartInfo(words[0], "-m http.server " + words[1] + " --bind 127.0.0.1") { UseShellExecute = false });
    }
    protected override void OnStop() { if (!child.HasExited) { child.Kill(); child.WaitForExit(); } }
}
"@
        $book = Join-Path $folder "playbooks\wd-check-kept.yml"
        [IO.File]::WriteAllText($book, "service: wd-check-kept`nfind: {port: $other}`nstart: {through: 'service:wd-check-kept'}`n")
        New-Service wd-check-kept -BinaryPathName "`"$program`" `"$Python`" $other" | Out-Null
        try {
            Start-Service wd-check-kept
            foreach ($i in 1..60) { if (Listener $other) { break }; Start-Sleep 1 }
            $found = Wd "find" ":$other" "-o" "json"
            if ($found -notmatch "wd-check-kept") { throw "the service is not named: $found" }
            Wd "stop" "wd-check-kept" "--yes" | Out-Null
            (Get-Service wd-check-kept).WaitForStatus("Stopped", "00:00:30")
            Wd "start" "wd-check-kept" | Out-Null
            (Get-Service wd-check-kept).WaitForStatus("Running", "00:00:30")
            foreach ($i in 1..60) { if (Listener $other) { break }; Start-Sleep 1 }
            if (-not (Listener $other)) { throw "it runs, and nothing listens on port $other" }
            "named, stopped, and started again"
        } finally {
            Stop-Service wd-check-kept -ErrorAction SilentlyContinue
            sc.exe delete wd-check-kept | Out-Null
            Remove-Item $book
        }
    }
    Check "a server kept by NSSM is managed by its service" "wd find, with NSSM installed" {
        Need-Admin
        $nssm = Get-Command nssm -ErrorAction SilentlyContinue
        if (-not $nssm) { throw "not tried: nssm is not installed" }
        $other = [int](Py "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
        nssm install wd-check "$Python" "-m http.server $other --bind 127.0.0.1" | Out-Null
        try {
            Start-Service wd-check
            foreach ($i in 1..30) { if (Listener $other) { break }; Start-Sleep 1 }
            $found = Wd "find" ":$other" "-o" "json"
            if ($found -notmatch "wd-check") { throw $found }
            Wd "kill" ":$other" "--yes" | Out-Null
            Start-Sleep 3
            if (Listener $other) { throw "it was started again" }
            "stopped through the service manager, and it stayed down"
        } finally { Stop-Service wd-check -ErrorAction SilentlyContinue; nssm remove wd-check confirm | Out-Null }
    }
    Check "Ctrl-Break reaches a server that is started as wd does it (wd does not send it yet)" "a helper attaches to its console" {
        Py @"
import pathlib, subprocess, sys, time
from watchdog.system.windows import children
mark = pathlib.Path(r'$folder') / 'break'
server = 'import pathlib, signal, sys, time; mark = pathlib.Path(sys.argv[1]); ' \
    'signal.signal(signal.SIGBREAK, lambda *_: sys.exit(7)); mark.touch(); [time.sleep(0.1) for _ in range(600)]'
child = subprocess.Popen([sys.executable, '-c', server, str(mark)], stdin=subprocess.DEVNULL, **children.ALONE)
while not mark.exists(): time.sleep(0.1)
ask = 'import ctypes, sys; k = ctypes.windll.kernel32; pid = int(sys.argv[1]); k.FreeConsole(); ' \
    'sys.exit(0 if k.AttachConsole(pid) and k.SetConsoleCtrlHandler(None, 1) and k.GenerateConsoleCtrlEvent(1, pid) else k.GetLastError())'
asked = subprocess.run([sys.executable, '-c', ask, str(child.pid)], stdin=subprocess.DEVNULL, creationflags=subprocess.DETACHED_PROCESS)
try: code = child.wait(20)
except subprocess.TimeoutExpired: child.kill(); raise SystemExit(f'it goes on; the helper ended with {asked.returncode}')
assert code == 7, code
print('it ended through its own handler')
"@
    }
    Check "the python.exe of a virtual environment and py.exe end with the server behind them" "python -m pytest tests\windows\test_launchers.py" {
        $other = [int](Py "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])")
        if (-not (Get-Command py -ErrorAction SilentlyContinue)) { throw "not tried: there is no py.exe" }
        $launcher = Start-Process py -ArgumentList "-3", "-m", "http.server", "$other", "--bind", "127.0.0.1" -PassThru -WindowStyle Hidden
        foreach ($i in 1..30) { if (Listener $other) { break }; Start-Sleep 1 }
        $server = Listener $other
        if ((Wd "find" ":$other") -notmatch "\b$server\b") { throw "the interpreter behind py.exe is not named" }
        Wd "kill" ":$other" "--yes" | Out-Null
        if (-not $launcher.WaitForExit(20000)) { $launcher.Kill(); throw "py.exe goes on" }
        "pid $server was named and ended, and py.exe with it"
    }
    Check "another user's process is refused and not ended" "wd kill --pid PID as an ordinary user" {
        throw "not tried: log in as an ordinary user, and type: wd kill --pid (a pid of SYSTEM) --yes; it must say that it may not"
    }
} finally {
    & $Python -m watchdog.cli.main --home $folder stop shop --yes 2>&1 | Out-Null
    Remove-Item -Recurse -Force $folder -ErrorAction SilentlyContinue
}
$results | Format-Table -AutoSize -Wrap Shown, What, Told, Command
exit @($results | Where-Object { $_.Shown -eq "NO" }).Count
