"""Runs the site until SIGTERM or Ctrl-C."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

import anyio.to_thread
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from watchdog.model.errors import CannotTell
from watchdog.system.host import allocator, interrupts
from watchdog.system.net.listening import listen
from watchdog.web import application
from watchdog.web.site import Site
from watchdog.web.wire import BoundedProtocol

THREADS = 16  # that read files and the journal for all visitors together


def serve(site: Site, ready: Callable[[str, Callable[[], None]], None]) -> None:
    """CannotTell if the address is taken. `ready` is told the page's address, and how to end it."""
    allocator.share_one_arena()  # before the first of its threads: they draw the same pages, in turn
    entrance = site.entrance
    try:
        socket = listen(entrance.address.host, entrance.address.port)
    except OSError as error:
        raise CannotTell(
            f"{entrance.address} cannot be listened on",
            error.strerror or str(error),
            "Name another: `wd web HOST:PORT`",
        ) from None
    config = uvicorn.Config(
        _with_threads(application.make(site)),
        http=BoundedProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=3,
        h11_max_incomplete_event_size=32 << 10,
        ssl_certfile=entrance.certificate or None,
        ssl_keyfile=entrance.key or None,
    )
    with socket:
        port = socket.getsockname()[1]
        server = _Server(config)
        ready(entrance.url if entrance.address.port else entrance.url.removesuffix(":0") + f":{port}", server.leave)
        server.run(sockets=[socket])


class _Server(uvicorn.Server):
    """Ends as every part of wd does."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        interrupts.on_end(self.leave)
        yield

    def leave(self) -> None:
        self.should_exit = True


def _with_threads(app: ASGIApp) -> ASGIApp:
    """The bound can be set only inside the running loop."""

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        await app(scope, receive, send)

    return bounded
