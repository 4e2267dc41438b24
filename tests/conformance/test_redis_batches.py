"""How many batches are stored on Redis: the next is made while the server stores one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import cast

import pytest
from tests.journeys.waiting import until

from cardoon.engines.redis.engine import RedisEngine
from cardoon.engines.urls import connect
from cardoon.model import clock
from cardoon.model.message import Message


@pytest.fixture
def engine(redis_url: str) -> Iterator[RedisEngine]:
    with closing(cast("RedisEngine", connect(f"{redis_url}?namespace=batches"))) as made:
        yield made
        made.delete([claim.id for claim in made.claim("ada", None, 10_000)])


def messages(many: int = 1) -> list[Message]:
    return [Message(id=clock.new_id(), task="shop.resize") for _ in range(many)]


def test_a_batch_is_stored_while_the_next_is_made(engine: RedisEngine) -> None:
    made: list[Message] = []
    engine.push(messages(2))  # from now on the server knows the script

    def batches() -> Iterator[list[Message]]:
        for _ in range(4):
            until(lambda: not made or engine.result(made[-1].id) is not None)
            made.extend(messages(3))
            yield made[-3:]

    assert list(engine.push_each(batches())) == [[True] * 3] * 4


def test_a_server_that_forgot_the_scripts_is_told_them_again(engine: RedisEngine) -> None:
    batches = [messages(2) for _ in range(3)]

    def made() -> Iterator[list[Message]]:
        for batch in batches:
            engine._server.command("SCRIPT", "FLUSH")
            yield batch

    assert list(engine.push_each(made())) == [[True, True]] * 3
    assert [claim.id for claim in engine.claim("ada", None, 10)] == [m.id for batch in batches for m in batch]


def test_who_stops_in_the_middle_leaves_no_answer_behind(engine: RedisEngine) -> None:
    class Interrupted(BaseException):
        """As KeyboardInterrupt is."""

    def made() -> Iterator[list[Message]]:
        yield messages()
        raise Interrupted

    with pytest.raises(Interrupted):
        list(engine.push_each(made()))
    one = messages()
    assert (engine.push(one), engine.push(one)) == ([True], [False])
