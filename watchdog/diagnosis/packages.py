"""Where the application itself is an installed package, which one it is: none of the usual libraries. Pure.

Told from the calls that were seen: if no code outside of installed packages serves anything, those packages that are no
well-known framework, server, driver or tool are the application's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from watchdog.diagnosis import code
from watchdog.diagnosis.jobs import ENGINES
from watchdog.model.evidence import Evidence, Frame

# One name a word: a hundred quoted strings read no easier. Not "watchdog": the shop of `wd demo` lies there.
_USUAL = frozenset(
    """
aio_pika aiobotocore aiofiles aiohttp aiohttp_cors aiokafka aiomysql aiopg aioredis aiormq aiosignal aiosmtplib
aiosqlite alembic amqp anyio apispec apscheduler arq asgiref asyncpg asyncssh attr attrs authlib bcrypt billiard
blinker boto3 botocore bottle brotli cachetools cassandra celery certifi cffi channels charset_normalizer cheroot
cherrypy click confluent_kafka connexion cryptography cx_Oracle daphne databases dateutil debugpy django
djangorestframework dns dotenv drf_yasg elastic_transport elasticsearch engineio eventlet falcon fastapi flask
flask_caching flask_cors flask_login flask_restful flask_socketio flask_sqlalchemy frozenlist gevent geventwebsocket
google graphene graphql greenlet grpc gunicorn h11 h2 hiredis httpcore httptools httpx huey hypercorn hyperframe idna
injector itsdangerous jinja2 joblib jsonschema kafka kazoo kombu ldap3 litestar loguru lxml mako markupsafe
marshmallow memcache minio mod_wsgi mongoengine motor msgpack multidict mysql MySQLdb nats newrelic numba numpy
oauthlib odmantic openai opentelemetry oracledb orjson pandas paramiko paste pastedeploy peewee pika pip pkg_resources
polars pony prometheus_client propcache proto psutil psycopg psycopg2 psycopg_pool pyasn1 pydantic pydantic_core
pydantic_settings pylibmc pymemcache pymongo pymysql pyramid pytz quart redis requests rest_framework retrying rq
ruamel sanic sanic_routing schedule scipy sentry_sdk setproctitle setuptools simplejson six sklearn sniffio socketio
sqlalchemy sqlmodel sqlparse sse_starlette starlette stomp strawberry structlog tenacity tensorflow torch tornado
tortoise tqdm transaction transformers trio twisted typer typing_extensions tzlocal ujson urllib3 uvicorn
uvicorn_worker uvloop uwsgidecorators venusian wait waitress watchfiles watchgod webob websocket websockets
werkzeug whitenoise wrapt wsproto xmltodict yaml yarl zeep zmq zope
""".split()  # noqa: SIM905
)


def own(evidence: Evidence) -> frozenset[str]:
    """Names of installed packages that are the application; empty where its code lies elsewhere, as it mostly does."""
    found: set[str] = set()
    for frame in _frames(evidence):
        if code.is_application(frame):
            launches = frame.function == "<module>" or "/bin/" in frame.file or frame.file.endswith("/manage.py")
            if not launches:
                return frozenset()
        elif code.is_library(frame):
            found.add(code.package(frame))
    return frozenset(name for name in found if name.removesuffix(".py") not in _USUAL | ENGINES)


def _frames(evidence: Evidence) -> Iterable[Frame]:
    for look in evidence.stacks:
        for thread in look.threads:
            yield from thread.frames
    for tasks in evidence.tasks:
        for task in tasks.tasks:
            yield from task.frames


@contextmanager
def counted_as_own(names: frozenset[str]) -> Iterator[None]:
    """Within it these packages count as the application's code."""
    token = code.OWN.set(names)
    try:
        yield
    finally:
        code.OWN.reset(token)
