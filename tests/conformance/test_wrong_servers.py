"""The laws about servers can fail too: engines with bugs of the network are caught, and the law is named."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress

import msgspec
import pytest

from cardoon.model import clock
from cardoon.model.errors import EngineUnavailable
from cardoon.model.job import Claim
from cardoon.model.message import Message
from cardoon.testing.conformance import run

redis = pytest.importorskip("cardoon.engines.redis.engine")


class GivesIdsItself(redis.RedisEngine):
    """Makes an id for each push, and so cannot know a repeated one."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        return super().push([msgspec.structs.replace(m, id=clock.new_id()) for m in messages], by=by)


class GoesOn(redis.RedisEngine):
    """Sends the next batch though it does not know what became of one."""

    def push_each(
        self, batches: Iterable[Sequence[Message]], *, by: Claim | None = None
    ) -> Iterator[list[bool]]:
        for batch in batches:
            with suppress(EngineUnavailable):
                yield self.push(batch, by=by)


class ForgetsWhatItGave(redis.RedisEngine):
    """Tells nothing of claims that nobody saw."""

    def held(self, worker: str) -> list[Claim]:
        return []


class ListensOnly(redis.RedisEngine):
    """Trusts that it is told of everything."""

    def wait(self, queues: Collection[str] | None, timeout: float, *, alone: bool = True) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if super().wait(queues, min(timeout, 0.1), alone=alone):
                clock.sleep(timeout / 4)
                return True
        return False


class WaitsForEver(redis.RedisEngine):
    """Tries again for as long as nobody is there."""

    def count(self, queues: Collection[str] | None = None):
        for _ in range(65):
            try:
                return super().count(queues)
            except EngineUnavailable:
                clock.sleep(0.1)
        return {}


WRONG = {
    GivesIdsItself: "cuts/a_push_that_is_cut_and_repeated_makes_one_job",
    GoesOn: "cuts/batches_that_were_cut_are_stored_as_far_as_told",
    ForgetsWhatItGave: "cuts/claims_that_were_cut_are_found_by_held",
    ListensOnly: "network/who_hears_nothing_still_finds_work",
    WaitsForEver: "network/who_is_refused_says_so_and_comes_back",
}


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.__name__)
def test_a_wrong_engine_on_a_server_is_caught(wrong: type, redis_url: str) -> None:
    report = run(redis_url, WRONG[wrong], connect=wrong)
    assert {verdict.law: verdict.verdict for verdict in report.verdicts} == {WRONG[wrong]: "broken"}
