"""The way of a job on Redis: pushed, claimed, settled, waited for."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from cardoon import failpoints
from cardoon.engines.contract import End, Turn, lost_by
from cardoon.engines.exchange import OneByOne, hit_after, hit_before
from cardoon.engines.redis.connection import Call
from cardoon.engines.redis.core import Core, fence, packed_messages, packed_one, said
from cardoon.engines.redis.ear import RECHECK_SECONDS, Ear
from cardoon.engines.redis.keys import id_of, key_of
from cardoon.engines.redis.records import body_of, claim_of, loose_task, record_of
from cardoon.engines.redis.settling import packed_end
from cardoon.engines.redis.standby import Handed
from cardoon.engines.redis.wire import packed
from cardoon.model import clock
from cardoon.model.job import Claim
from cardoon.model.message import Message, Unreadable
from cardoon.model.outcome import returned

_NOTHING = Turn([], [])
_NO_EAR = packed(["", 0, 0])


class Broker(OneByOne, Core):
    """Carries jobs; see the contract for what each verb promises."""

    def push(self, messages: Sequence[Message], *, by: Claim | None = None) -> list[bool]:
        """See `Broker.push`."""
        if failpoints.armed:
            failpoints.hit("enq.before_send")
        name, values, many = _said(messages, by)
        if failpoints.armed:
            failpoints.hit("enq.batch_middle")
        new = self._server.send(name, values, many)
        told = _told(new, by, len(messages))
        if failpoints.armed:
            failpoints.hit("enq.after_commit")
            failpoints.hit("enq.after_send_before_reply")
        return told

    def push_each(
        self, batches: Iterable[Sequence[Message]], *, by: Claim | None = None
    ) -> Iterator[list[bool]]:
        """See `Broker.push_each`."""
        if failpoints.armed:
            return (self.push(batch, by=by) for batch in batches)
        return self._push_ahead(batches, by)

    def _push_ahead(self, batches: Iterable[Sequence[Message]], by: Claim | None) -> Iterator[list[bool]]:
        """The next batch is taken and packed while the server stores one."""
        sizes: deque[int] = deque()

        def calls() -> Iterator[Call]:
            for batch in batches:
                sizes.append(len(batch))
                yield _said(batch, by)

        for new in self._server.send_each(calls()):
            yield _told(new, by, sizes.popleft())

    def exchange(
        self,
        ends: Sequence[End],
        worker: str,
        queues: Collection[str] | None,
        limit: int,
        *,
        alone: bool = True,
        will_wait: bool = False,
    ) -> Turn:
        """See `Broker.exchange`."""
        handed = self._handed_to(worker)
        if handed.claims and limit > 0 and not ends:
            return handed
        room = limit - len(handed.claims)
        turn = self._exchanged(ends, worker, queues, room, alone, will_wait)
        late = self._handed_to(worker)
        if handed is _NOTHING and late is _NOTHING:
            return turn
        claims, room = handed.claims + turn.claims + late.claims, max(limit, 0)
        if len(claims) > room:
            back = [(claim, returned()) for claim in claims[room:]]
            self._exchanged(back, worker, queues, 0, alone, will_wait=False)
        return Turn(turn.refused, claims[:room], handed.in_doubt or late.in_doubt)

    def _exchanged(
        self,
        ends: Sequence[End],
        worker: str,
        queues: Collection[str] | None,
        limit: int,
        alone: bool,
        will_wait: bool,
    ) -> Turn:
        """`exchange` as one call of the server."""
        keys = [key_of(claim.message.id) for claim, _outcome in ends]
        packed_ends = list(map(packed_end, keys, ends))
        if failpoints.armed:
            hit_before(ends, limit)
        wanted, stands_by = said(queues), will_wait and limit > 0
        ear = self._ears.early(stands_by)
        asks = ear.asks(worker, stands_by) if ear else _NO_EAR
        head = packed([worker, wanted, limit, int(alone), len(ends)])
        refused, claimed, lasted, answer = self._server.send(
            "exchange",
            b"".join([head, asks, packed(keys), *[data for data, _many in packed_ends]]),
            8 + len(ends) + sum([many for _data, many in packed_ends]),
        )
        if ear:
            ear.answered(lasted, answer)
            ear.promised = None if answer is None else (wanted, alone, answer)
        claims = self._claims(worker, zip(claimed[::2], claimed[1::2], strict=True))
        if failpoints.armed:
            hit_after(ends, claims)
        return Turn([ends[number - 1][0] for number in refused], claims)

    def _handed_to(self, worker: str) -> Turn:
        """What it was given while it stood by."""
        hands = self._ears.hands
        if worker not in hands.told:
            return _NOTHING
        handed, in_doubt = hands.take(worker)
        return Turn([], self._claims(worker, handed), in_doubt)

    def _claims(self, worker: str, claimed: Iterable[Handed]) -> list[Claim]:
        found = [self._claim(worker, key, kept) for key, kept in claimed]
        return [claim for claim in found if claim is not None]

    def _claim(self, worker: str, key: bytes, kept: bytes) -> Claim | None:
        """The claim of this record; what cannot be read is parked."""
        id, record = id_of(key), record_of(kept)
        try:
            return claim_of(id, record, worker)
        except Unreadable as error:
            task = loose_task(body_of(id, record))
            self._server.run("park", key, record.seq, record.token, task, str(error))
            return None

    def wait(self, queues: Collection[str] | None, timeout: float, *, alone: bool = True) -> bool:
        """See `Broker.wait`."""
        deadline, wanted = clock.monotonic() + timeout, said(queues)
        with self._ears.listen() as ear:
            answer = ear.taken_up(wanted, alone)
            worker = ear.standby.worker if answer is not None else ""
            while True:
                if answer is None:
                    answer = self._stand_by(ear, worker, wanted, alone)
                if answer == 1 or worker in self._ears.hands.told:
                    return True
                left = deadline - clock.monotonic()
                if left <= 0 or ear.woken:
                    return self._leave(ear, worker)
                begun, until_due = clock.monotonic(), _seconds(answer)
                ear.wait(min(left, RECHECK_SECONDS, until_due))
                if ear.standby.heard:
                    ear.standby.end(ear.standby.now, lasted=False)
                    return True
                if clock.monotonic() - begun >= until_due < RECHECK_SECONDS:
                    return True  # to look first would only take longer
                answer = None

    def has_suspects(self, queues: Collection[str] | None) -> bool:
        """See `Broker.has_suspects`."""
        return bool(self._server.run("has_suspects", said(queues)))

    def _stand_by(self, ear: Ear, worker: str, wanted: bytes, alone: bool) -> Any:
        """What `lua/wait.lua` says of the work; the ear stands by for it."""
        values = ear.asks(worker, stands_by=True) + packed([worker, wanted, int(alone)])
        lasted, answer = self._server.send("wait", values, 6)
        ear.answered(lasted, answer)
        return answer

    def _leave(self, ear: Ear, worker: str) -> bool:
        """Whether something was handed over at the last moment; who has gone hears no more."""
        values = ear.asks(worker, stands_by=False)
        ear.answered(self._server.send("leave", values, 3), None)
        return worker in self._ears.hands.told


def _said(messages: Sequence[Message], by: Claim | None) -> tuple[str, bytes, int]:
    """The script that stores these messages, its values, packed, and how many they are."""
    if by is not None:
        return "push_by", packed(fence(by)) + packed_messages(messages), 3 + 3 * len(messages)
    if len(messages) == 1 and messages[0].due is None and messages[0].expires is None:
        return "push_one", packed_one(messages[0]), 4
    return "push", packed_messages(messages), 3 * len(messages)


def _told(new: Any, by: Claim | None, count: int) -> list[bool]:
    """What these scripts answer, for each message; raises LeaseLost."""
    if by is not None and new == -1:
        raise lost_by(by, count)
    return [new == 1] if isinstance(new, int) else [is_new == 1 for is_new in new]


def _seconds(answer: Any) -> float:
    """Until the next job falls due."""
    return max(0.0, float(answer)) if answer else RECHECK_SECONDS
