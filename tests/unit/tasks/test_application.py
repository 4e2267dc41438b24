from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cardoon import Cardoon
from cardoon.model.errors import ConfigurationError
from cardoon.model.states import State


@pytest.fixture
def impatient() -> Iterator[None]:
    """Threads take turns as often as they can, so that a race that is there is met."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("impatient")
def test_threads_that_use_an_application_first_and_at_once_share_its_engine() -> None:
    for _ in range(50):
        app, start = Cardoon("first", url="memory://"), threading.Barrier(8)

        def ask(app: Cardoon = app, start: threading.Barrier = start) -> int:
            start.wait()
            return id(app.engine)

        with ThreadPoolExecutor(8) as pool:
            assert len({engine.result() for engine in [pool.submit(ask) for _ in range(8)]}) == 1


@pytest.mark.usefixtures("impatient")
def test_every_job_that_many_threads_send_at_once_is_there(shop: Cardoon) -> None:
    @shop.task(name="one")
    def one(x: int) -> int:
        return x

    with ThreadPoolExecutor(8) as pool:
        handles = list(pool.map(one.delay, range(200)))
    assert shop.engine.count()["celery"][State.READY] == len({handle.id for handle in handles}) == 200


def test_closing_one_that_was_never_used_connects_nothing() -> None:
    Cardoon("idle", url="sqlite:////no/such/place/jobs.db").close()


def test_it_can_be_used_again_after_it_was_closed(app: Cardoon) -> None:
    @app.task(name="one")
    def one() -> int:
        return 1

    handle = one.delay()
    app.close()
    assert handle.state == "PENDING"
    assert one.delay().exists()


def test_it_is_shown_by_its_name() -> None:
    assert repr(Cardoon("shop", url="memory://")) == "<Cardoon shop>"


@pytest.mark.parametrize(
    ("place", "source"),
    [
        ("argument", "argument"),
        ("environment", "environment CARDOON_URL"),
        ("pyproject", "pyproject.toml"),
        ("framework", "framework settings"),
    ],
)
def test_an_engine_that_nobody_offers_is_told_with_the_place_that_names_it(
    place: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = "sqlit:///jobs.db"
    if place == "environment":
        monkeypatch.setenv("CARDOON_URL", url)
    if place == "pyproject":
        (tmp_path / "pyproject.toml").write_text(f'[tool.cardoon]\nurl = "{url}"\n')
    app = Cardoon("wrong", **{"url": url} if place == "argument" else {})
    if place == "framework":
        app.config_from_object({"CELERY_BROKER_URL": url})

    @app.task(name="f")
    def f() -> None: ...

    with pytest.raises(ConfigurationError) as caught:
        f.delay()
    words = str(caught.value)
    assert words.startswith("no engine for 'sqlit'; did you mean 'sqlite'? (there are: ")
    assert words.endswith(f"; write for example sqlite:///jobs.db (url from {source})")
