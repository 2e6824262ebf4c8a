"""Names of the well-known frameworks, servers, drivers and tools: they are not the application."""

from __future__ import annotations

# One name a word: a hundred quoted strings read no easier. Not "watchdog": the shop of `wd demo` lies there.
USUAL = frozenset(
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
