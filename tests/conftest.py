"""What every room of tests shares: a clean environment, applications to try, and a way to wait for facts."""

from __future__ import annotations

import os
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from tests import servers

from cardoon import Cardoon
from cardoon.tasks import door
from cardoon.tasks.registry import shared

Fact = Callable[[], object]
Until = Callable[..., object]

LOOK_SECONDS = 0.005
LEFTOVER_SECONDS = 60.0

hypothesis.settings.register_profile("dev", deadline=None, print_blob=True)
hypothesis.settings.register_profile("CI", deadline=None, print_blob=True, max_examples=300)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    profile = config.getoption("--hypothesis-profile") or ("CI" if os.environ.get("CI") else "dev")
    hypothesis.settings.load_profile(profile)
    if config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(secrets.randbelow(2**32))
    _forget_the_developers_environment()
    _hear_ctrl_c()


def pytest_report_header(config: pytest.Config) -> str:
    seed = config.getoption("--hypothesis-seed")
    return f"hypothesis: seed {seed} (again: --hypothesis-seed={seed})"


def _forget_the_developers_environment() -> None:
    """No setting of whoever runs the tests reaches them; `CARDOON_TEST_*` is meant for them."""
    for name in [*os.environ]:
        ours = name.startswith(("CARDOON_", "CELERY_")) and not name.startswith("CARDOON_TEST_")
        if ours or name == "DJANGO_SETTINGS_MODULE":
            del os.environ[name]


def _hear_ctrl_c() -> None:
    """A shell that runs the tests in the background lets them ignore it, and so all that they start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def until(fact: Fact, seconds: float = 60.0) -> object:
    """What the fact gave as soon as that was true; AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        found = fact()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {fact}"
        time.sleep(LOOK_SECONDS)


@pytest.fixture(scope="session", name="until")
def until_fixture() -> Until:
    """`until(fact, seconds=60)`: the one way for a test to wait."""
    return until


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """Every test ends its own threads and processes."""
    threads, children = _threads(), _children()
    yield
    until(lambda: not _threads() - threads, LEFTOVER_SECONDS)
    until(lambda: not _children() - children, LEFTOVER_SECONDS)


def _threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("cardoon-")}


def _children() -> set[str]:
    """The command lines of the workers and commands that this process started, where the kernel tells."""
    lists = Path("/proc/self/task").glob("*/children")
    lines = (_text(Path(f"/proc/{pid}/cmdline")) for one in lists for pid in _text(one).split())
    return {line for line in lines if "cardoon" in line.partition("\0")[2] and not servers.stays(line)}


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""  # the thread or the process is gone


@pytest.fixture(autouse=True)
def own_declarations() -> Iterator[None]:
    """What a test declares without an application, and which application is current, ends with it."""
    known, apps = dict(shared._own), list(door._apps)
    yield
    shared._own.clear()
    shared._own.update(known)
    door._apps[:] = apps


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL for all tests that share one."""
    with servers.url_of("postgres") as url:
        yield url


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A Redis for all tests that share one."""
    with servers.url_of("redis") as url:
        yield url


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Cardoon]:
    """An application on a fresh SQLite file."""
    made = Cardoon("tests", url=f"sqlite:///{tmp_path / 'jobs.db'}", profile="fast")
    yield made
    made.close()


@pytest.fixture
def memory_app() -> Iterator[Cardoon]:
    """An application whose jobs live in memory."""
    made = Cardoon("tests", url="memory://")
    yield made
    made.close()
