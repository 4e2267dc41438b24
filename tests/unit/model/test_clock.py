from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from samples import FakeClock, examples

from cardoon.model import clock


def test_an_id_is_a_uuid_of_version_7_and_the_variant_of_the_rfc() -> None:
    for _ in range(1000):
        id = uuid.UUID(clock.new_id())
        assert id.version == 7
        assert id.variant == uuid.RFC_4122


def test_an_id_is_written_as_uuids_are() -> None:
    id = clock.new_id()
    assert str(uuid.UUID(id)) == id


def test_100_000_ids_are_all_different() -> None:
    assert len({clock.new_id() for _ in range(100_000)}) == 100_000


def test_100_000_ids_of_one_moment_are_all_different(fake: FakeClock) -> None:
    assert len({clock.new_id() for _ in range(100_000)}) == 100_000


def test_ids_sort_by_the_moment_they_were_made(fake: FakeClock) -> None:
    made = []
    for _ in range(5000):
        made.append(clock.new_id())
        fake.move(0.000_001)
    assert made == sorted(made)


@examples
@given(st.floats(0, 4e9), st.floats(0.000_001, 1e6))
def test_a_later_moment_makes_a_later_id(moment: float, later: float) -> None:
    source = FakeClock()
    with clock.use(source):
        source.seconds = moment
        first = clock.new_id()
        source.seconds = moment + later
        assert first < clock.new_id()


def test_the_first_48_bits_are_the_milliseconds(fake: FakeClock) -> None:
    fake.seconds = 1_700_000_000.123_9
    assert uuid.UUID(clock.new_id()).int >> 80 == 1_700_000_000_123


def test_without_a_fake_the_clock_is_that_of_the_system() -> None:
    assert time.time() - 5 < clock.now() <= time.time()
    assert clock.monotonic() <= time.monotonic()
    assert clock.as_datetime(0.0) == datetime(1970, 1, 1, tzinfo=UTC)


def test_the_fake_clock_ends_with_its_block() -> None:
    source = FakeClock()
    with clock.use(source):
        assert clock.now() == source.seconds
    assert clock.now() != source.seconds


def test_full_jitter_lies_between_nothing_and_its_ceiling() -> None:
    drawn = [clock.full_jitter(3.0) for _ in range(1000)]
    assert 0 <= min(drawn) < max(drawn) <= 3.0
