"""Verbs that are made of others; and where `exchange`, the worker's steady step, can be made to fail."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from cardoon import failpoints
from cardoon.engines.contract import Broker, End
from cardoon.model.job import Claim
from cardoon.model.message import Message


class OneByOne:
    """`claim` and `settle` as halves of `exchange`, `push_each` as one push after the other; to inherit."""

    def push_each(
        self: Broker, batches: Iterable[Sequence[Message]], *, by: Claim | None = None
    ) -> Iterator[list[bool]]:
        """See `Broker.push_each`."""
        return (self.push(batch, by=by) for batch in batches)

    def claim(
        self: Broker, worker: str, queues: Collection[str] | None, limit: int, *, alone: bool = True
    ) -> list[Claim]:
        """See `Broker.claim`."""
        return self.exchange((), worker, queues, limit, alone=alone).claims

    def settle(self: Broker, ends: Sequence[End]) -> list[Claim]:
        """See `Broker.settle`."""
        return self.exchange(ends, "", (), 0).refused


def hit_before(ends: Sequence[End], limit: int) -> None:
    """The failpoints before `exchange`."""
    if ends:
        failpoints.hit("fin.before")
    if limit > 0:
        failpoints.hit("claim.before")


def hit_after(ends: Sequence[End], claims: Sequence[Claim]) -> None:
    """The failpoints after `exchange`, when everything is stored and its caller knows nothing."""
    if ends:
        failpoints.hit("fin.after_commit_before_reply")
    if claims:
        failpoints.hit("claim.after_commit_before_return")
