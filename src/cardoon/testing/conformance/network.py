"""Engines that are reached by a bad network, and how laws wait for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TypeVar

from cardoon.engines.contract import CALL_SECONDS, Engine
from cardoon.model.errors import EngineUnavailable
from cardoon.testing import faults
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import Broken, given, holds
from cardoon.testing.conformance.reach import address

T = TypeVar("T")

BOUND_SECONDS = CALL_SECONDS + 1.0
"""The longest that a call may take, whatever the network does."""
RETURN_SECONDS = 2.0
"""Within which an engine object works again after its server came back."""
_MOST_REQUESTS = 40
_LOOK_AGAIN_SECONDS = 0.02


@contextmanager
def behind_a_proxy(bench: Bench) -> Generator[tuple[Engine, faults.Proxy]]:
    """A second engine object on the bench's place that reaches it through a proxy."""
    with faults.Proxy(given(address(bench.url), "host and port of the server")) as proxy:
        engine = bench.by_way_of(proxy.through(bench.url))
        try:
            yield engine, proxy
        finally:
            proxy.heal()
            engine.close()


def each_request(proxy: faults.Proxy, harm: Callable[[int], None], step: Callable[[], object]) -> None:
    """Take the step with this harm done to its first request, then to its second, until it makes no more."""
    for request in range(1, _MOST_REQUESTS):
        harm(request)
        step()
        if proxy.waits:
            break
    proxy.spare()


def persistently(call: Callable[[], T], seconds: float = CALL_SECONDS) -> T:
    """The answer to a call that is repeated for so long as the engine says that it is not reached."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return call()
        except EngineUnavailable as error:
            if time.monotonic() > deadline:
                raise Broken(f"still not reached {seconds:g} s after all was well: {error}") from error
            time.sleep(_LOOK_AGAIN_SECONDS)


def unavailable(call: Callable[[], object], what: str) -> None:
    """The call says in bounded time that the engine is not reached."""
    start = time.monotonic()
    try:
        answer = call()
    except EngineUnavailable:
        took = time.monotonic() - start
        return holds(took < BOUND_SECONDS, f"{what} ended within {BOUND_SECONDS:g} s, not after {took:.1f} s")
    raise Broken(f"{what} answered {answer!r}, with nobody there to ask")
