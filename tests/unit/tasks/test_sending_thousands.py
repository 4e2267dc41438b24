"""More jobs in one call than are stored in one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from cardoon import Cardoon, Task
from cardoon.app import PUSH_AT_ONCE
from cardoon.engines.memory import MemoryEngine
from cardoon.model.errors import EngineUnavailable, NotSerializable
from cardoon.model.job import Claim
from cardoon.model.message import Message
from cardoon.model.states import State


class Tiring(MemoryEngine):
    """An engine that goes away after so many steps of a push."""

    steps_left = 10

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        self.steps_left -= 1
        if self.steps_left < 0:
            raise EngineUnavailable("the engine is away")
        return super().push(messages, by=by)


@pytest.fixture
def engine() -> Tiring:
    return Tiring()


@pytest.fixture
def take(engine: Tiring) -> Task[[Any], None]:
    app = Cardoon("thousands", engine=engine)

    @app.task(name="take")
    def take(thing: Any) -> None:
        """Runs in no test."""

    return take


def stored(engine: Tiring) -> int:
    return engine.count().get("celery", {}).get(State.READY, 0)


@pytest.mark.parametrize("many", [1, PUSH_AT_ONCE - 1, PUSH_AT_ONCE, PUSH_AT_ONCE + 1, 2 * PUSH_AT_ONCE])
def test_each_is_stored_once_and_has_its_handle(engine: Tiring, take: Task[[Any], None], many: int) -> None:
    handles = take.map(range(many))
    claims = engine.claim("ada", None, many + 1)
    assert [handle.id for handle in handles] == [claim.id for claim in claims]
    assert [claim.message.args for claim in claims] == [[n] for n in range(many)]
    assert 10 - engine.steps_left == -(-many // PUSH_AT_ONCE)


def test_items_are_taken_as_they_are_stored(engine: Tiring, take: Task[[Any], None]) -> None:
    seen: list[int] = []

    def items() -> Iterator[int]:
        for n in range(3 * PUSH_AT_ONCE):
            if n % PUSH_AT_ONCE == 0:
                seen.append(stored(engine))
            yield n

    take.map(items())
    assert seen == [0, PUSH_AT_ONCE, 2 * PUSH_AT_ONCE]


def test_an_item_that_cannot_travel_comes_with_how_many_are_stored(
    engine: Tiring, take: Task[[Any], None]
) -> None:
    with pytest.raises(NotSerializable) as caught:
        take.map([*range(2 * PUSH_AT_ONCE + 7), object()])
    assert caught.value.__notes__ == ["the first 10,000 jobs of this call are stored"]
    assert stored(engine) == 2 * PUSH_AT_ONCE


def test_an_engine_that_goes_away_leaves_open_what_it_was_asked_last(
    engine: Tiring, take: Task[[Any], None]
) -> None:
    engine.steps_left = 2
    with pytest.raises(EngineUnavailable) as caught:
        take.map(range(4 * PUSH_AT_ONCE))
    assert caught.value.__notes__ == [
        "the first 10,000 jobs of this call are stored; the 5,000 after them are too, or none of them is"
    ]
    assert stored(engine) == 2 * PUSH_AT_ONCE


def test_a_call_that_is_stored_in_one_step_needs_no_note(engine: Tiring, take: Task[[Any], None]) -> None:
    engine.steps_left = 0
    with pytest.raises(EngineUnavailable) as caught:
        take.map(range(3))
    assert not hasattr(caught.value, "__notes__")


def test_listeners_hear_of_jobs_that_are_stored_only(engine: Tiring) -> None:
    app = Cardoon("thousands", engine=engine)
    heard: list[str] = []
    app.events.listen(lambda event: heard.append(event.id), ["job.sent"])

    @app.task(name="take")
    def take(thing: int) -> None:
        """Runs in no test."""

    engine.steps_left = 1
    with pytest.raises(EngineUnavailable):
        take.map(range(2 * PUSH_AT_ONCE))
    assert heard == [claim.id for claim in engine.claim("ada", None, 2 * PUSH_AT_ONCE)]
