"""What no other law noticed when an engine was made wrong on purpose."""

from __future__ import annotations

from cardoon.model import clock, outcome
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import same
from cardoon.testing.conformance.law import law


@law("G14", needs=("clock",))
def a_claim_ends_nothing_that_runs(bench: Bench) -> None:
    """A job that started before its `expires` may end after it, whatever is claimed and swept meanwhile."""
    expires = clock.now() + 60
    claim = bench.running(expires=expires)
    bench.clock.jump(61)
    late = bench.push(expires=expires)
    same((bench.claim(worker="bea"), bench.engine.sweep().expired), ([], 0), "another claim, and the sweep")
    same((bench.state(late), bench.engine.owns(claim)), (State.EXPIRED, True), "the late one, and the lease")
    same(bench.end(claim, outcome.succeeded(None)), True, "its end")
