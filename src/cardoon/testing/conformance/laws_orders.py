"""What `order` promises: a standing order reaches its worker with each beat."""

from __future__ import annotations

from functools import partial

from cardoon.engines.contract import ORDERS
from cardoon.model import outcome
from cardoon.model.errors import InvalidOption
from cardoon.model.job import Report
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import holds, refused, same
from cardoon.testing.conformance.law import law


def _heard(bench: Bench, *workers: str) -> dict[str, str]:
    """The orders that these workers hear with one beat."""
    return bench.engine.beat([Report(worker=worker, beats=1) for worker in workers]).orders


@law("G15")
def an_order_stands(bench: Bench) -> None:
    """An order is heard with every beat, a later one takes its place, and the empty one ends it."""
    bench.beat("ada")
    same(_heard(bench, "ada"), {}, "what ada hears without one")
    for what in ("quiet", "stop", "quiet"):
        same(bench.engine.order("ada", what), True, "the answer")
        same([_heard(bench, "ada"), _heard(bench, "ada")], [{"ada": what}] * 2, "what ada hears")
    same((bench.engine.order("ada", ""), _heard(bench, "ada")), (True, {}), "the answer, what ada hears")


@law("G15")
def an_order_is_for_one_incarnation(bench: Bench) -> None:
    """Nobody else hears it, and only those that beat are told of at all."""
    for worker in ("ada", "bea", "eve"):
        bench.beat(worker)
    bench.engine.order("ada", "stop")
    bench.engine.order("bea", "quiet")
    same(_heard(bench, "eve", "ada"), {"ada": "stop"}, "what eve and ada hear")
    same(_heard(bench, "eve"), {}, "what eve hears")
    same(_heard(bench, "ada", "bea", "eve"), {"ada": "stop", "bea": "quiet"}, "what all hear")


@law("G15")
def nobody_takes_an_order_for_another(bench: Bench) -> None:
    """An unknown worker and a retired one can be told nothing, and hear nothing."""
    bench.beat("gone")
    bench.engine.order("gone", "stop")
    bench.engine.retire("gone", crashed=False)
    same([bench.engine.order(w, "quiet") for w in ("gone", "unknown")], [False, False], "the answers")
    same([bench.engine.order(w, "") for w in ("gone", "unknown")], [False, False], "taken back")
    same(_heard(bench, "gone", "unknown"), {}, "what they hear")
    same(sorted(r.worker for r in bench.engine.workers()), ["unknown"], "the workers")


@law("G15")
def a_worker_that_claimed_in_vain_is_known_too(bench: Bench) -> None:
    """One for whom there was nothing to claim can be told something as well."""
    same(bench.claim(worker="ada"), [], "what ada gets")
    same(bench.engine.order("ada", "quiet"), True, "the answer")
    same(_heard(bench, "ada"), {"ada": "quiet"}, "what ada hears")


@law("G15")
def a_worker_that_claimed_is_known(bench: Bench) -> None:
    """A worker that claimed before its first beat can be told something, and hears it with that beat."""
    bench.running(worker="ada")
    same(bench.engine.order("ada", "stop"), True, "the answer")
    same(_heard(bench, "ada"), {"ada": "stop"}, "what ada hears")


@law("G15")
def an_order_withholds_nothing(bench: Bench) -> None:
    """The engine leaves it to the worker to obey: one that claims all the same gets jobs."""
    bench.beat("ada")
    bench.engine.order("ada", "quiet")
    same(bench.end(bench.running(worker="ada"), outcome.succeeded(None)), True, "its end")


@law("G18")
def an_unknown_order_is_refused(bench: Bench) -> None:
    """Any other word is refused, with the ones that there are, and changes nothing."""
    bench.beat("ada")
    bench.engine.order("ada", "quiet")
    for word in ("quit", "STOP", "terminate"):
        error = refused(InvalidOption, partial(bench.engine.order, "ada", word), f"the order {word!r}")
        holds(all(what in str(error) for what in ORDERS if what), "it names the orders that there are")
    same(_heard(bench, "ada"), {"ada": "quiet"}, "what ada hears")


@law("G15", needs=("shared",))
def an_order_comes_from_anywhere(bench: Bench) -> None:
    """It may be given, and heard, through any engine object on the same place."""
    bench.beat("ada")
    other = bench.again()
    same(other.order("ada", "stop"), True, "the answer")
    same((_heard(bench, "ada"), other.beat([Report(worker="ada")]).orders), ({"ada": "stop"},) * 2, "heard")


@law("G7")
def a_beat_tells_all_at_once(bench: Bench) -> None:
    """One beat tells who was retired, who has an order and what is to be ended."""
    for worker in ("ada", "bea", "eve"):
        bench.beat(worker)
    claim = bench.running(worker="bea")
    bench.engine.cancel([claim.id], terminate=True)
    bench.engine.order("ada", "quiet")
    bench.engine.retire("eve")
    heard = bench.engine.beat([Report(worker=worker, beats=2) for worker in ("ada", "bea", "eve")])
    told = (heard.retired, heard.orders, heard.terminate)
    same(told, ({"eve"}, {"ada": "quiet"}, {"bea": [claim.id]}), "what was heard")
