from __future__ import annotations

from datetime import timedelta

import pytest

from cardoon.model.errors import ConfigurationError
from cardoon.model.queue import NAME_LIMIT, Queue, check_name


@pytest.mark.parametrize("name", ["celery", "a b", "büro", "x" * NAME_LIMIT, "shop.images-1"])
def test_a_printable_name_is_accepted_as_it_is(name: str) -> None:
    assert check_name(name) == name
    assert Queue(name, timedelta(seconds=5), "why").name == name


@pytest.mark.parametrize("name", ["", "a,b", "a\nb", "a\x00b", "x" * (NAME_LIMIT + 1)])
def test_a_name_that_could_not_be_shown_or_listed_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a queue"):
        Queue(name)
