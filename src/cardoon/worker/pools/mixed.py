"""The mixed pool: many jobs at once, each in the lane that fits it (threads, event loop, main thread)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from cardoon.engines.contract import End
from cardoon.model.job import Claim
from cardoon.model.outcome import Outcome, returned
from cardoon.model.states import State
from cardoon.worker.lanes.contract import Lane
from cardoon.worker.last_words import LastWords, Others
from cardoon.worker.pools.appetite import Appetite
from cardoon.worker.pools.contract import Rouse
from cardoon.worker.pools.handover import taken
from cardoon.worker.pools.keeper import Keeper
from cardoon.worker.timeouts import Limits

STUCK_LOOKS = 4
"""So many looks of the keeper, about 100 ms, a claim may wait for a place."""


class MixedPool:
    """Puts each claim into a lane. `_hand` holds what was taken and has not ended: whoever pops a claim
    from there is the one who says what becomes of it. `withdraws(alone)` says whether to make room.
    """

    def __init__(
        self,
        lanes: Mapping[str, Lane],
        choose: Callable[[Claim], str],
        limits: Limits,
        rouse: Rouse,
        last_words: LastWords,
        withdraws: Callable[[bool], bool],
    ) -> None:
        self.lanes = lanes
        self._choose = choose
        self._limits = limits
        self._rouse = rouse
        self._last_words = last_words
        self._withdraws = withdraws
        self._hand: dict[str, Claim] = {}
        self._ended: deque[End] = deque()
        self._appetite = Appetite()
        self._counted: set[str] = set()
        self._suspect = False
        self._seen: dict[str, tuple[int, int]] = {}
        self._keeper = Keeper(self._look)

    def room(self) -> int:
        """See `Pool.room`: nothing beside a suspect, nor while it makes room for one; else what is free, and
        a little more of short jobs.
        """
        if self._suspect and self._hand:
            return 0
        self._suspect = False
        if self._withdraws(self.alone()):
            return 0
        slots = sum(lane.slots for name, lane in self.lanes.items() if name in (self._counted or self.lanes))
        return self._appetite.room(slots, len(self._hand))

    def count(self, names: Collection[str]) -> None:
        """Claim for the places of these lanes only: what the tasks of the application choose."""
        self._counted = set(names)

    def alone(self) -> bool:
        """See `Pool.alone`."""
        return not self._hand

    def start(self, claims: Sequence[Claim]) -> None:
        """See `Pool.start`; returns at once."""
        self._suspect = any(claim.suspect for claim in claims)
        self._hand |= {claim.id: claim for claim in claims}
        self._appetite.took(len(claims))
        self._keeper.work.set()
        for claim in claims:
            self.lanes[self._choose(claim)].put(claim)

    def over(self, claim: Claim, outcome: Outcome, seconds: float) -> None:
        """A lane says that this one ended."""
        self._appetite.learn(seconds)
        self._ended.append((claim, outcome))
        self._rouse()

    def ended(self) -> list[End]:
        """See `Pool.ended`."""
        ends = taken(self._ended)
        for claim, _ in ends:
            self._hand.pop(claim.id, None)
        ran = [outcome for _, outcome in ends if outcome.state is not State.READY]  # the others went back
        self._appetite.freed(len(ran))
        return ends

    def in_hand(self) -> Collection[str]:
        """See `Pool.in_hand`."""
        return set(self._hand)

    def part_with(self, id: str) -> tuple[Claim, Others] | None:
        """See `Pool.part_with`."""
        claim = self._hand.get(id)
        return (claim, partial(self._all_but, id)) if claim is not None else None

    def cancel(self, id: str) -> bool:
        """See `Pool.cancel`."""
        return any(lane.cancel(id) for lane in self.lanes.values())

    def drain(self) -> list[End]:
        """See `Pool.drain`."""
        claims = [claim for lane in self.lanes.values() for claim in lane.take_back()]
        for claim in claims:
            self._hand.pop(claim.id, None)
        return [(claim, returned()) for claim in claims]

    def close(self) -> None:
        """See `Pool.close`."""
        for lane in self.lanes.values():
            lane.close()
        self._keeper.close()

    def _look(self) -> None:
        if overdue := self._limits.overdue():
            claim, seconds = overdue
            self._last_words.over_time(claim, seconds, partial(self._all_but, claim.id))
        for name, lane in self.lanes.items():
            if self._is_stuck(name, lane):
                self._give_back(lane)
        if not self._hand:
            self._keeper.work.clear()
        if self._hand:  # taken between the two
            self._keeper.work.set()

    def _is_stuck(self, name: str, lane: Lane) -> bool:
        """Whether something waits there, and none of its places became free for a number of looks."""
        started, looks = self._seen.get(name, (-1, 0))
        looks = looks + 1 if lane.waiting() and started == lane.started else 0
        self._seen[name] = lane.started, looks
        return looks >= STUCK_LOOKS

    def _give_back(self, lane: Lane) -> None:
        """What waits for a place goes back to the line."""
        claims = lane.take_back()
        self._appetite.spoil(len(claims))
        self._ended.extend((claim, returned()) for claim in claims)
        self._rouse()

    def _all_but(self, id: str) -> list[End]:
        ends = [end for end in self.ended() if end[0].id != id]
        return ends + [(claim, returned()) for claim in self._hand.values() if claim.id != id]
