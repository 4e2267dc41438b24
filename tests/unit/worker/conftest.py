from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cardoon.model import clock

sys.path.insert(0, str(Path(__file__).parent))  # for `specimens`, under any import mode of pytest
from specimens import StillClock


@pytest.fixture
def still() -> Iterator[StillClock]:
    """A clock that moves only when told."""
    source = StillClock()
    with clock.use(source):
        yield source
