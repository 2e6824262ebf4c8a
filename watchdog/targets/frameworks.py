"""Which framework a server is made with, as far as command lines and the imports of its script tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath

from watchdog.model.process import Process
from watchdog.system.process import rights
from watchdog.targets import programs
from watchdog.targets.programs import Program

# Server programs, by the name that they are started under.
_SERVERS = {
    "gunicorn": "gunicorn",
    "uvicorn": "uvicorn",
    "hypercorn": "hypercorn",
    "daphne": "daphne",
    "granian": "granian",
    "waitress-serve": "waitress",
    "waitress": "waitress",
    "uwsgi": "uwsgi",
    "sanic": "sanic",
    "http.server": "http.server",
    "SimpleHTTPServer": "http.server",
    "twistd": "twisted",
    "cheroot": "cheroot",
    "bjoern": "bjoern",
    "streamlit": "streamlit",
    "jupyter-lab": "jupyter",
    "jupyter-notebook": "jupyter",
    "jupyter-server": "jupyter",
    "jupyterlab": "jupyter",
    "mlflow": "mlflow",
    "bokeh": "bokeh",
    "panel": "panel",
    "chainlit": "chainlit",
    "reflex": "reflex",
    "litestar": "litestar",
    "robyn": "robyn",
    "pserve": "pyramid",
    "hug": "hug",
    "flower": "flower",
    "datasette": "datasette",
    "devpi-server": "devpi",
}
# Programs that take jobs or speak over their pipes, and the words behind their name with which they stay: with others
# they are commands that end. Without words they always stay.
_LASTING: dict[str, tuple[str, tuple[str, ...]]] = {
    "celery": ("celery", ("worker", "beat", "events")),
    "rq": ("rq", ("worker", "worker-pool", "scheduler", "cron")),
    "rqworker": ("rq", ()),
    "rqscheduler": ("rq", ()),
    "dramatiq": ("dramatiq", ()),
    "dramatiq-gevent": ("dramatiq", ()),
    "huey_consumer": ("huey", ()),
    "huey_consumer.py": ("huey", ()),
    "arq": ("arq", ()),
    "saq": ("saq", ()),
    "taskiq": ("taskiq", ("worker", "scheduler")),
    "procrastinate": ("procrastinate", ("worker",)),
    "airflow": ("airflow", ("scheduler", "triggerer", "worker")),
    "prefect": ("prefect", ("worker", "agent")),
    "pylsp": ("language-server", ()),
    "pyls": ("language-server", ()),
    "jedi-language-server": ("language-server", ()),
}
_JOBS_IN_DJANGO = {"qcluster": "django-q", "rqworker": "rq", "run_huey": "huey", "rundramatiq": "dramatiq"}
# Libraries of servers that speak protocols of their own.
_OWN_PROTOCOLS = (
    "grpclib", "rpyc", "Pyro5", "Pyro4", "thrift", "zerorpc", "zmq", "aiosmtpd", "asyncssh", "pymodbus", "asyncua",
)  # fmt: skip
OWN_PROTOCOL = "a protocol of its own"
_OTHER_PROTOCOLS = frozenset({"grpc", "celery", "dask", "socketserver", "twisted", *_OWN_PROTOCOLS})
_RUN = {"flask": "flask", "quart": "quart", "fastapi": "fastapi", "dask": "dask"}
# Modules that a script imports, the more telling first.
_IMPORTS = (
    "fastapi",
    "litestar",
    "django",
    "flask",
    "quart",
    "sanic",
    "aiohttp",
    "tornado",
    "starlette",
    "falcon",
    "bottle",
    "cherrypy",
    "pyramid",
    "gradio",
    "streamlit",
    "dash",
    "twisted",
    "grpc",
    "websockets",
    "waitress",
    "mcp",
    "fastmcp",
    "pygls",
    "apscheduler",
    "celery",
    "rq",
    "dramatiq",
    "huey",
    "arq",
    "http.server",
    "xmlrpc.server",
    "wsgiref",
    *_OWN_PROTOCOLS,
    "socketserver",
)
_STAYING = frozenset({"mcp", "fastmcp", "pygls", "apscheduler"})  # a script that imports one of them runs until ended
_SCRIPT = 262_144  # bytes of a script that are read
_CERTIFICATE = re.compile(r"\bload_cert_chain\(|\b(ssl_)?certfile\s*=|\bssl_context\s*=")
_SERVES = re.compile(
    r"\b(start_server|create_server|start_unix_server|create_tcp_listener|open_tcp_listeners|StreamServer)\("
    r"|\b(serve_tcp|serve_listeners)\b|\.listen\("
)
_WEB = re.compile(r"http|wsgi|asgi|[Rr]equest|websocket", re.IGNORECASE)
_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+(?P<package>[A-Za-z_][\w.]*)[ \t]+)?import[ \t]+(?P<names>.+)$", re.MULTILINE
)


def framework(members: Iterable[Process]) -> str | None:
    """The framework of the first process that shows one; None if it cannot be told."""
    several = list(members)
    for process in several:
        found = _of_command(programs.program(process))
        if found:
            return found
    for process in several[:3]:
        found = _of_script(process)
        if found:
            return found
    return None


def serves_named_app(name: str) -> bool:
    """Whether a program of this name serves the application that its command line names."""
    known = _SERVERS.keys() | _LASTING.keys()
    return name.lower().removesuffix("d").removesuffix("-server") in known or name in known or name in _RUN


def runs_until_ended(process: Process) -> bool:
    """Whether its framework says that it takes jobs or messages until somebody ends it; False where none is known."""
    return bool(_lasting(programs.program(process))) or _of_script(process) in _STAYING


def protocol_of_script(process: Process) -> str:
    """What its script shows that it serves: "https" with a certificate, a protocol of its own where it serves
    connections itself and HTTP is not even named; empty where it shows nothing."""
    text = _script(process)
    if _CERTIFICATE.search(text):
        return "https"
    return OWN_PROTOCOL if _SERVES.search(text) and not names_the_web(text) and _of_script(process) is None else ""


def names_the_web(text: str) -> bool:
    """Whether a source names HTTP or what goes with it."""
    return _WEB.search(text) is not None


def speaks_http(name: str | None) -> bool:
    """False only for frameworks that commonly serve something else."""
    return name not in _OTHER_PROTOCOLS


def _of_command(program: Program) -> str | None:
    name = program.name.removesuffix(".exe")
    rest = program.words[1:]
    if found := _lasting(program):
        return found
    if name in _SERVERS:
        if name == "gunicorn" and any("uvicorn" in word.lower() for word in rest):
            return "gunicorn+uvicorn"
        return _SERVERS[name]
    if name in _RUN and any(word in ("run", "dev") for word in rest):
        return _RUN[name]
    if name in ("manage.py", "django-admin", "django") and any(word.startswith("runserver") for word in rest):
        return "django"
    if name == "jupyter" and rest and rest[0] in ("lab", "notebook", "server", "nbclassic"):
        return "jupyter"
    return _of_module(program)


def _lasting(program: Program) -> str | None:
    """The framework of a worker, a scheduler or a child on pipes, by its program and the word for what it does."""
    name, rest = program.name.removesuffix(".exe"), program.words[1:]
    if name == "manage.py" and rest and rest[0] in _JOBS_IN_DJANGO:
        return _JOBS_IN_DJANGO[rest[0]]
    found, words = _LASTING.get(name, _LASTING.get(name.partition(".")[0], (None, ())))
    return found if not words or any(word in words for word in rest) else None


def _of_module(program: Program) -> str | None:
    """`python -m aiohttp.web`, `python -m sanic`: the module itself names it."""
    if program.interpreter != "python" or program.inline:
        return None
    return next((name for name in _IMPORTS if program.name == name or program.name.startswith(f"{name}.")), None)


def _of_script(process: Process) -> str | None:
    """What its script imports."""
    seen = _modules(_script(process))
    return next((name for name in _IMPORTS if name in seen), None)


def _script(process: Process) -> str:
    """The text of the script that it runs; empty where it runs none, or it cannot be read."""
    program = programs.program(process)
    if program.interpreter != "python" or program.inline or program.titled or not process.cwd:
        return ""
    path = PurePath(process.cwd) / program.words[0]
    if path.suffix != ".py":
        return ""
    from watchdog.system.disk.target_files import read_file  # here: most servers are known by their command line

    return read_file(rights.of(process.pid), str(path), _SCRIPT).data.decode("utf-8", "replace")


def _modules(text: str) -> set[str]:
    """Every module that is imported, with the packages around it: "http", "http.server"."""
    found: set[str] = set()
    for line in _IMPORT.finditer(text):
        package, names = line["package"], line["names"].split("#")[0]
        for name in (word.split()[0] for word in re.split(r"[,()]", names) if word.strip()):
            parts = (f"{package}.{name}" if package else name).split(".")
            found.update(".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return found
