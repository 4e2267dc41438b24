"""Every law on every engine, each a test of its own: `pytest -k races/one_scheduler_fires`."""

from __future__ import annotations

import pytest

from cardoon.testing.conformance import Arena, Law, laws
from cardoon.testing.conformance.hands import Crew
from cardoon.testing.conformance.suite import NOT_DECLARED, judge

LAWS = laws()


@pytest.mark.parametrize("law", LAWS, ids=[law.id for law in LAWS])
def test_the_engine_keeps_the_law(law: Law, arena: Arena, crew: Crew) -> None:
    verdict = judge(law, arena, crew)
    if verdict.verdict == NOT_DECLARED:
        pytest.skip(f"not declared: {verdict.detail}")
    assert verdict.verdict == "kept", f"{law.guarantee} {law.text}\n{verdict.detail}"


def test_there_are_laws_for_every_guarantee_that_an_engine_alone_can_keep() -> None:
    of_engines = {f"G{n}" for n in (1, 2, 3, 7, 8, 9, 10, 11, 13, 14, 15, 16, 17, 18, 19, 20)}
    assert of_engines <= {law.guarantee for law in LAWS}
    assert len(LAWS) >= 350
