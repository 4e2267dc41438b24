"""Where claims begin to look: what an engine object remembers of the heads of its lines.

What was claimed leaves dead entries in the index, and while some old snapshot is open nobody can remove
them; a claim that began at the start of its line would pass them all, each time. So it begins at what was
claimed a moment ago, and now and then at the start again, so that nothing which came back, or was committed
late, waits long. Such a look is the more seldom the longer it takes. Where one had enough below the head, the
next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from typing import NamedTuple

from cardoon.engines.postgres.wire import Int8s, Texts, bool_, float8, int8, int8s, texts
from cardoon.model import clock

AGAIN_SECONDS = 1.0
_SHARE = 50
"""So many times the duration of a look at the start passes until the next."""
_LAG_SECONDS = 0.1
_LATE_SECONDS = 0.05
_DUE_MARGIN_SECONDS = 30.0
Line = tuple[str, int]
"""A queue and a priority."""


class Look(NamedTuple):
    """A look at the lines: what `exchange` and `look` take, what was `left` when it began, and when."""

    arguments: list[bytes]
    left: Mapping[Line, int]
    begun: float


class Heads:
    """Remembered bounds: hints, so that threads need no lock to share them. Queues are named as stored."""

    def __init__(self) -> None:
        self._left: dict[Line, int] = {}
        """Lines that may have something below their heads: from where on."""
        self._now: dict[Line, int] = {}
        self._then: dict[Line, int] = {}
        self._turned = 0.0
        self._returned = 0
        self._full_at = 0.0
        self._full_from = 0.0
        self._full_until = 0.0
        self._due_from = float("-inf")

    def look(self, *, idle: bool) -> Look:
        """Begin one: lines with their bounds, what returned, whether from the start.

        Who is `idle` looks at the start as soon as that costs little.
        """
        now = clock.monotonic()
        if now - self._turned > _LAG_SECONDS or now < self._turned:
            self._then, self._now, self._turned = self._now, dict(self._now), now
        full = now >= (self._full_from if idle else self._full_at) or now < self._full_until
        left = dict(self._left)
        values = [*self._packed(left), int8(self._returned), bool_(full), float8(self._due_from)]
        return Look(values, left, now)

    def _packed(self, left: Mapping[Line, int]) -> tuple[Texts, Int8s]:
        lines = [(line, min(bound, left.get(line, bound))) for line, bound in self._then.items()]
        names = texts([f"{priority} {queue}" for (queue, priority), _ in lines])
        return names, int8s([bound for _, bound in lines])

    def looked(self, look: Look, *, full: bool, found: bool = False) -> None:
        """A look ended; `full` is one from the start. What it only `found` is claimed by another such."""
        if found and full:
            self._full_from = self._full_at = 0.0
        elif full:
            now = clock.monotonic()
            self._full_from = now + _SHARE * (now - look.begun)
            self._full_at = max(now + AGAIN_SECONDS, self._full_from)

    def claimed(
        self,
        look: Look,
        last: Mapping[Line, int],
        passed_over: Callable[[Line], bool],
        *,
        full: bool,
        is_all: bool,
    ) -> None:
        """The last ones of each line that a look claimed: all that it saw, unless it had enough; then it
        passed over the lines that it did not come to.
        """
        for line, seq in last.items():
            self._now[line] = max(self._now.get(line, 0), seq + 1)
        for line in list(self._now) if full else {*look.left, *last}:
            if not is_all and last.get(line, inf) + 1 < self._now.get(line, 0):
                self._left[line] = last[line] + 1
            elif not passed_over(line) and self._left.get(line) == look.left.get(line):
                self._left.pop(line, None)

    def heard(self, returned: int, server_now: float, passed_over: Callable[[Line], bool]) -> None:
        """So often something returned, by now; what is returning at this moment is not committed yet.

        A line that this look passed over is looked at from its start when its turn comes.
        """
        if returned != self._returned:
            self._returned = returned
            self._full_until = clock.monotonic() + _LATE_SECONDS
            self._left.update(dict.fromkeys(filter(passed_over, list(self._now)), 0))
        self._due_from = server_now - _DUE_MARGIN_SECONDS
