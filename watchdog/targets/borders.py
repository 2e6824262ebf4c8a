"""Programs that start others and are not part of them: where the climb from a server to its master ends.

A name can be forged, which here only makes a tree smaller, never greater.
"""

from __future__ import annotations

from dataclasses import replace

from watchdog.model.process import Process
from watchdog.targets.programs import Program, exe_name, is_shim, program

# Who starts a server again when it dies -> the word for it in `managed_by`.
MANAGERS = {
    "systemd": "systemd",
    "supervisord": "supervisor",
    "supervisor.supervisord": "supervisor",
    "circusd": "circus",
    "circus.circusd": "circus",
    "runsv": "runit",
    "runsvdir": "runit",
    "s6-supervise": "s6",
    "s6-svscan": "s6",
    "supervise": "daemontools",
    "svscan": "daemontools",
    "perpd": "perp",
    "nosh": "nosh",
    "monit": "monit",
    "god": "god",
    "eye": "eye",
    "bluepill": "bluepill",
    "pm2": "pm2",
    "PM2": "pm2",
    "nodemon": "nodemon",
    "forever": "forever",
    "containerd-shim": "docker",
    "containerd-shim-runc-v2": "docker",
    "dockerd": "docker",
    "conmon": "podman",
    "kubelet": "kubernetes",
    "nomad": "nomad",
    "process-compose": "process-compose",
    "launchd": "launchd",
    "services.exe": "service",
}
# Start others and restart nobody.
_FIRST = "init openrc-init upstart tini docker-init dumb-init catatonit"
_CONTAINERS = "docker-proxy rootlessport slirp4netns containerd runc crun podman docker kubectl"
_SCHEDULERS = "inetd xinetd socat cron crond CRON anacron atd fcron cronsim at batch"
_SESSIONS = """sshd sshd-session sshd-auth dropbear login agetty getty su sudo doas runuser pkexec setpriv mosh-server
    telnetd tmux screen zellij dtach abduco script expect unbuffer ttyd gotty wetty ssh gnome-terminal-server
    gnome-shell xterm konsole kitty alacritty wezterm wezterm-gui foot terminator xfce4-terminal guake tilix
    plasmashell dbus-daemon Xorg"""
_LAUNCHERS = """honcho foreman forego overmind hivemind goreman procodile make gmake ninja npm npx yarn pnpm cargo go
    just task xargs parallel find watch entr strace ltrace perf gdb lldb valgrind rr bpftrace"""
_RUNNERS = """tox nox pytest py.test unittest nose2 nosetests behave robot invoke inv fab ansible ansible-playbook
    salt-minion puppet chef-client buildbot buildbot-worker jenkins-agent gitlab-runner act_runner buildkite-agent
    circleci-agent Runner.Worker Runner.Listener java wd wd-oncall watchdog airflow celery rq huey dramatiq luigid luigi
    prefect dagster dagster-daemon flower"""
_WORKBENCHES = """jupyter jupyter-lab jupyterlab jupyter-notebook jupyter-server jupyterhub ipykernel_launcher ipykernel
    ipython ipython3 bpython ptpython ptipython spyder idle idlelib thonny code code-server codium cursor windsurf emacs
    vim vi nvim nano gedit kate idea pycharm pydevd.py pydevconsole.py"""
# Show a file or look into one, and never serve: a pattern over command lines must not take these.
_READERS = """view vimdiff emacsclient pico joe micro hx helix ed sed awk gawk mawk less more most cat bat tail head
    multitail lnav grep egrep fgrep rg ag ack zgrep man info mc ranger locate tee diff meld git hg svn rsync scp cp mv
    tar gzip pgrep pkill kill killall ps top htop btop py-spy pystack austin mosh timeout inotifywait black ruff flake8
    pylint mypy pyright isort autopep8 yapf pyflakes bandit vulture pycodestyle py_compile compileall pydoc"""
_STARTERS = frozenset(
    " ".join((_FIRST, _CONTAINERS, _SCHEDULERS, _SESSIONS, _LAUNCHERS, _RUNNERS, _WORKBENCHES)).split()
)
_BYSTANDERS = frozenset(" ".join((_READERS, _CONTAINERS, _SESSIONS, _LAUNCHERS, _WORKBENCHES, "wd wd-oncall")).split())
# The server that is meant stands behind them: in a container, on another machine, on another port.
_PROXIES = """
    docker-proxy rootlessport slirp4netns ssh autossh sshd sshd-session socat nginx haproxy envoy traefik caddy
    varnishd squid stunnel stunnel4 pgbouncer kubectl cloudflared ngrok frpc frps apache2 httpd"""
_STAND_FOR_OTHERS = frozenset(_PROXIES.split())
STARTS_OTHERS = "a program that starts others"
_CUT = 15  # the kernel keeps so many characters of a program's name
_CUT_STARTERS = frozenset(name[:_CUT] for name in _STARTERS)
_CUT_MANAGERS = {name[:_CUT]: kind for name, kind in MANAGERS.items()}


def is_shell(process: Process) -> bool:
    """A command shell, or an interpreter that a person types to."""
    found = program(process)
    if found.interpreter == "shell" or program(_named(process, process.name)).interpreter == "shell":
        return True
    if program(_named(process, exe_name(process))).interpreter == "shell":
        return True
    return found.interpreter == "python" and found.inline and found.name != "-c" and process.terminal != 0


def manager_kind(process: Process) -> str | None:
    """Which manager this process is; None if it is none. wd's own shim counts as one."""
    if is_shim(process):
        return "wd"
    for name in _names(process):
        if name in MANAGERS:
            return MANAGERS[name]
    kind = _CUT_MANAGERS.get(process.name)
    return kind or ("pm2" if process.name.startswith("PM2 ") else None)


def why_not_entered(process: Process) -> str:
    """Why no tree ever takes this process as a master, in a few words; empty if nothing speaks against it."""
    if process.kernel:
        return "a thread of the kernel"
    if kind := manager_kind(process):
        return f"a manager ({kind})"
    if is_shell(process):
        return "a shell"
    if any(name in _STARTERS for name in _names(process)) or process.name in _CUT_STARTERS:
        return STARTS_OTHERS
    return ""


def why_never_inside(process: Process) -> str:
    """Why it is no part of a server at all, even where it holds the server's socket; empty for all others."""
    reason = why_not_entered(process)
    return "" if reason == STARTS_OTHERS else reason


def stands_for_others(process: Process) -> bool:
    """A proxy or a tunnel: who listens here hands on to a server elsewhere."""
    return any(name in _STAND_FOR_OTHERS for name in _names(process))


def is_bystander(process: Process) -> bool:
    """An editor, a pager, a search, a session: it names programs in its command line and is none of them."""
    return any(name in _BYSTANDERS for name in _names(process))


def _names(process: Process) -> tuple[str, ...]:
    """Under which names it may be known: what it runs, its binary, the kernel's short name."""
    found = program(process)
    name = found.name.lower() if found.titled else found.name
    return tuple(one for one in (name, _package(found), exe_name(process), process.name) if one)


def _package(found: Program) -> str:
    """`python -m pytest.__main__` is known by its first part. A script is not: `watch.py` is not `watch`."""
    is_module = found.interpreter == "python" and not found.inline and not found.name.endswith(".py")
    return found.name.partition(".")[0] if is_module else ""


def _named(process: Process, name: str) -> Process:
    return replace(process, cmdline=(name,) if name else (), name=name)
