"""What no other law noticed when an engine was made wrong on purpose."""

from __future__ import annotations

from cardoon.model import clock, outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import same, until
from cardoon.testing.conformance.law import law

SOON = 0.05


@law("G14")
def a_claim_ends_nothing_that_runs(bench: Bench) -> None:
    """A job that started before its `expires` may end after it, whatever is claimed and swept meanwhile."""
    soon = clock.now() + SOON
    claim = bench.running(expires=soon)
    until(lambda: clock.now() > soon, "the moment has come")
    late = bench.push(expires=soon)
    same((bench.claim(worker="bea"), bench.engine.sweep().expired), ([], 0), "another claim, and the sweep")
    same((bench.state(late), bench.engine.owns(claim)), (State.EXPIRED, True), "the late one, and the lease")
    same(bench.end(claim, outcome.succeeded(None)), True, "its end")
