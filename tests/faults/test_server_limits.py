"""A server that takes no more connections: said at once, and over as soon as one is free (F30)."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing

import pytest
from tests import servers

from cardoon.engines.contract import CALL_SECONDS, Engine
from cardoon.engines.urls import connect
from cardoon.model.errors import EngineUnavailable

FEW = {"postgres": {"max_connections": "8"}, "redis": {"maxclients": "8"}}
MANY = 40
RETURN_SECONDS = 2.0


def occupied(url: str, stack: ExitStack) -> EngineUnavailable:
    """What the first engine object is told that finds no connection any more."""
    for _ in range(MANY):
        engine: Engine = stack.enter_context(closing(connect(url)))
        try:
            engine.count()
        except EngineUnavailable as error:
            return error
    raise AssertionError(f"{MANY} engine objects were let in")


@pytest.mark.parametrize("kind", sorted(FEW))
def test_a_server_without_a_free_connection_says_so_and_is_used_again_when_it_has_one(
    kind: str, until
) -> None:
    with servers.private(kind, settings=FEW[kind]) as server:
        with closing(connect(server.url)) as first:
            first.migrate()
        with ExitStack() as stack:
            begun = time.monotonic()
            error = occupied(server.url, stack)
            assert time.monotonic() - begun < CALL_SECONDS
            assert "connections" in str(error) or "clients" in str(error)
            late = closing(connect(server.url))
            with late as engine, pytest.raises(EngineUnavailable):
                engine.count()
        with late as engine:
            until(lambda: works(engine), RETURN_SECONDS)


def works(engine: Engine) -> bool:
    try:
        return engine.count() == {}
    except EngineUnavailable:
        return False
