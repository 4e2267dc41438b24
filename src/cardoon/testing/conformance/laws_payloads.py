"""Payload in is payload out, whatever it is made of."""

from __future__ import annotations

from typing import Any

import msgspec

from cardoon.model import codec, outcome
from cardoon.model.job import Filter
from cardoon.model.message import Message, decode
from cardoon.model.outcome import ErrorReport
from cardoon.model.states import State
from cardoon.testing.conformance.bench import Bench
from cardoon.testing.conformance.facts import same
from cardoon.testing.conformance.law import law

NAMES = (
    "it's",
    'a "quoted" name',
    "x'; DROP TABLE jobs; --",
    "two\nlines\tand a tab",
    "percent % and under_score",
    "*",
    "größe-Ω-🦔",
    "{curly} [square] $dollar `back` \\slash",
    "null",
    " leading and trailing ",
)
"""Names that break what quotes carelessly."""


def _travels(bench: Bench, *args: Any) -> None:
    id = bench.push(args=list(args))
    same(bench.claim_one(id).message.args, list(args), "the arguments")


@law("I12")
def control_characters_travel(bench: Bench) -> None:
    """NUL and every other control character come back as they were."""
    _travels(bench, "\x00", "a\x00b", "".join(map(chr, range(32))), "\x7f\x85\u2028\ufeff")


@law("I12")
def every_script_travels(bench: Bench) -> None:
    """Text of every script, emoji with joiners and the highest code point come back."""
    _travels(bench, "日本語", "עברית", "e\u0301 é", "👩‍👩‍👧‍👦🏳️‍🌈", "\U0010ffff\uffff")


@law("I12")
def numbers_travel(bench: Bench) -> None:
    """The largest and smallest numbers, and packed NaN, infinity and big integers, come back exactly."""
    packed = codec.pack([float("nan"), float("inf"), -float("inf"), 2**70, -(2**63) - 1])
    _travels(bench, 2**63 - 1, -(2**63), 2**53 + 1, 0.1 + 0.2, -0.0, 5e-324, 1.7e308, packed)


@law("I12")
def deep_and_empty_data_travels(bench: Bench) -> None:
    """Deeply nested data, empty lists, dicts, strings and keys come back."""
    deep: Any = "the bottom"
    for level in range(60):
        deep = [deep] if level % 2 else {"": deep}
    _travels(bench, deep, [], {}, "", [[]], [{}], None, True, False)


@law("I12")
def large_payloads_travel(bench: Bench) -> None:
    """A payload of half a megabyte comes back whole."""
    _travels(bench, "x" * 250_000, {"é" * 1000: ["y" * 100] * 1000})


@law("I12")
def words_of_query_languages_travel(bench: Bench) -> None:
    """Text that looks like SQL, a template or an escape is text."""
    _travels(bench, *NAMES, "?", ":name", "%s", "$1", "\\x00", "\\u0000", "0", "1e5")


@law("I12")
def every_field_travels(bench: Bench) -> None:
    """Every field of a message comes back with its claim, follow-up messages included."""
    link = bench.message(task="shop.notify", args=[{"a": 1}], headers={"immutable": True})
    message = Message(
        id=link.id[::-1],
        task="shop.resize",
        args=[1, "two"],
        kwargs={"three": 3.5},
        queue="images",
        priority=2,
        sent=1_700_000_000.25,
        due=1_700_000_001.125,
        expires=4_000_000_000.5,
        time_limit=30.0,
        soft_time_limit=20.5,
        ignore_result=False,
        root="r",
        parent="p",
        headers={"trace": "00-ab", "nested": {"n": [None]}},
        link=[link],
        link_error=[link, link],
    )
    bench.engine.push([message])
    same(bench.claim_one(message.id).message, message, "the message")
    same(decode(bench.job(message.id).body), message, "the message in the job's body")


@law("I12")
def odd_names_are_names(bench: Bench) -> None:
    """Tasks, ids and parents with quotes, newlines and words of SQL are kept, found and claimed by them."""
    for name in NAMES:
        message = bench.message(id=f"id {name}", task=name, parent=name)
        same(bench.engine.push([message]), [True], f"pushing {name!r}")
        claim = bench.claim_one(message.id, worker=name)
        same((claim.message, claim.worker), (message, name), "the claim")
        for only in (
            Filter(tasks=frozenset({name})),
            Filter(parent=name),
            Filter(ids=frozenset({message.id})),
            Filter(workers=frozenset({name})),
        ):
            same([job.id for job in bench.engine.find(only).jobs], [message.id], f"found by {only!r}")


@law("I12")
def odd_queues_are_queues(bench: Bench) -> None:
    """Queues with quotes and words of SQL in their names are apart from each other."""
    queues = [name for name in NAMES if name.isprintable()]
    ids = {queue: bench.push(queue=queue) for queue in queues}
    for queue in queues:
        bench.engine.pause(queue)
        same(bench.claim_ids(queues=[queue]), [], f"claimed from {queue!r} while it is paused")
        bench.engine.resume(queue)
        same(bench.count(State.READY, queue), 1, f"ready in {queue!r}")
        same(bench.claim_ids(queues=[queue]), [ids[queue]], f"claimed from {queue!r}")


@law("I12")
def results_are_bytes(bench: Bench) -> None:
    """A result is any bytes: all 256 of them, none, or a megabyte; None is told from empty."""
    for result in (bytes(range(256)), b"", None, b"\x00" * 1_000_000):
        same(bench.finished(outcome.succeeded(result)).result, result, "the result")


@law("I12")
def errors_travel(bench: Bench) -> None:
    """An error with NUL, emoji and packed arguments is stored as it was, and never fails the failure."""
    error = ErrorReport(
        module="shop.errors",
        type="Broken",
        message="NUL \x00, quote ', 🦔",
        args=["\x00", {"$bytes": "AA=="}, None, 1.5],
        traceback="Traceback\n  File \x00\n" * 200,
    )
    job = bench.finished(outcome.failed(error))
    same((job.state, job.error), (State.FAILED, error), "state and error")


@law("I12")
def annotations_are_bytes(bench: Bench) -> None:
    """What is attached to a job is any bytes, under a kind of any name."""
    claim = bench.running()
    for kind in ("log", *NAMES):
        for data in (bytes(range(256)), b"", b"\x00"):
            same(bench.engine.annotate(claim, kind, data), True, "the answer")
        same(bench.engine.annotations(claim.id, kind), [bytes(range(256)), b"", b"\x00"], f"under {kind!r}")


@law("I12")
def a_replaced_message_travels(bench: Bench) -> None:
    """The message that a retry puts in place of the first comes back as it was, too."""
    claim = bench.running(args=["first"])
    changed = msgspec.structs.replace(claim.message, args=list(NAMES), headers={"\x00": "\x00"})
    bench.end(claim, outcome.retrying(0.0, None, changed))
    same(bench.claim_one(claim.id).message, changed, "the message")
