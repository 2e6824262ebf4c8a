"""Which framework a server is made with, as far as command lines and the imports of its script tell."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from watchdog.model.process import Process
from watchdog.system.disk.target_files import read_file
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
    "celery": "celery",
    "datasette": "datasette",
    "devpi-server": "devpi",
}
_OTHER_PROTOCOLS = frozenset({"grpc", "celery", "dask", "socketserver", "twisted"})
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
    "http.server",
    "xmlrpc.server",
    "wsgiref",
    "socketserver",
)
_SCRIPT = 262_144  # bytes of a script that are read
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
    return name.lower().removesuffix("d").removesuffix("-server") in _SERVERS or name in _SERVERS or name in _RUN


def speaks_http(name: str | None) -> bool:
    """False only for frameworks that commonly serve something else."""
    return name not in _OTHER_PROTOCOLS


def _of_command(program: Program) -> str | None:
    name = program.name.removesuffix(".exe")
    rest = program.words[1:]
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


def _of_module(program: Program) -> str | None:
    """`python -m aiohttp.web`, `python -m sanic`: the module itself names it."""
    if program.interpreter != "python" or program.inline:
        return None
    return next((name for name in _IMPORTS if program.name == name or program.name.startswith(f"{name}.")), None)


def _of_script(process: Process) -> str | None:
    """What its script imports."""
    program = programs.program(process)
    if program.interpreter != "python" or program.inline or program.titled or not process.cwd:
        return None
    path = PurePosixPath(process.cwd) / program.words[0]
    if path.suffix != ".py":
        return None
    text = read_file(rights.of(process.pid), str(path), _SCRIPT).data
    seen = _modules(text.decode("utf-8", "replace"))
    return next((name for name in _IMPORTS if name in seen), None)


def _modules(text: str) -> set[str]:
    """Every module that is imported, with the packages around it: "http", "http.server"."""
    found: set[str] = set()
    for line in _IMPORT.finditer(text):
        package, names = line["package"], line["names"].split("#")[0]
        for name in (word.split()[0] for word in re.split(r"[,()]", names) if word.strip()):
            parts = (f"{package}.{name}" if package else name).split(".")
            found.update(".".join(parts[:count]) for count in range(1, len(parts) + 1))
    return found
