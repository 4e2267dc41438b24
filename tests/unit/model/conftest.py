from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardoon.model import clock

sys.path.insert(0, str(Path(__file__).parent))  # for `samples`, under any import mode of pytest
from samples import FakeClock


@pytest.fixture
def fake() -> Iterator[FakeClock]:
    source = FakeClock()
    with clock.use(source):
        yield source
