"""Fixtures and marks that all tests share."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import leftovers  # the tests' own modules are found from here on

# Debian keeps what administers a server, and PostgreSQL's programs, outside of an ordinary user's PATH.
_MORE_PROGRAMS = ("/usr/sbin", "/sbin", *(str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]))
os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *_MORE_PROGRAMS])


def pytest_configure() -> None:
    """In the background of a shell SIGINT is ignored, and every program that a test starts would inherit that."""
    leftovers.watch_over_this_run()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything below tests/live is live; a root test says why it is skipped for an ordinary user, and a
    POSIX test why it is skipped on Windows."""
    for item in items:
        if "live" in Path(str(item.fspath)).parts:
            item.add_marker(pytest.mark.live)
        if item.get_closest_marker("root") and getattr(os, "geteuid", lambda: -1)() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))
        if (posix := item.get_closest_marker("posix")) and sys.platform == "win32":
            item.add_marker(pytest.mark.skip(reason=posix.args[0]))
        if item.get_closest_marker("live") and not sys.platform.startswith("linux"):
            item.add_marker(pytest.mark.skip(reason="live tests read Linux's /proc"))


@pytest.fixture(scope="session", autouse=True)
def no_state_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What wd keeps outside a home goes to a folder of the tests, and the user's own is neither read nor written."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
            place = tmp_path_factory.mktemp(name.lower())
            place.chmod(0o700)
            patch.setenv(name, str(place))
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that only its owner may read, as a home must be."""
    tmp_path.chmod(0o700)
    return tmp_path
