"""Where claims begin to look: what an engine object remembers of the heads of its lines.

What was claimed leaves dead entries in the index, and while some old snapshot is open nobody can remove
them; a claim that began at the start of its line would pass them all, each time. So it begins at what was
claimed a moment ago, and now and then at the start again, so that nothing which came back, or was committed
late, waits long. Such a look is the more seldom the longer it takes.
"""

from __future__ import annotations

from collections.abc import Callable

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


class Heads:
    """Remembered bounds: hints, so that threads need no lock to share them. Queues are named as stored."""

    def __init__(self) -> None:
        self._now: dict[Line, int] = {}
        self._then: dict[Line, int] = {}
        self._turned = 0.0
        self._returned = 0
        self._full_at = 0.0
        self._full_from = 0.0
        self._full_until = 0.0
        self._due_from = float("-inf")

    def arguments(self, *, idle: bool) -> list[bytes]:
        """What `exchange` and `look` take: lines with their bounds, what returned, whether from the start.

        Who is `idle` looks at the start as soon as that costs little.
        """
        now = clock.monotonic()
        if now - self._turned > _LAG_SECONDS or now < self._turned:
            self._then, self._now, self._turned = self._now, dict(self._now), now
        full = now >= (self._full_from if idle else self._full_at) or now < self._full_until
        return [*self._packed(), int8(self._returned), bool_(full), float8(self._due_from)]

    def _packed(self) -> tuple[Texts, Int8s]:
        lines = list(self._then.items())
        names = texts([f"{priority} {queue}" for (queue, priority), _ in lines])
        return names, int8s([bound for _, bound in lines])

    def claimed(self, line: Line, seq: int) -> None:
        """Jobs of this line were claimed, up to this one."""
        if seq >= self._now.get(line, 0):
            self._now[line] = seq + 1

    def looked(self, *, full: bool, seconds: float) -> None:
        """A look took so long; `full` is one from the start."""
        if full:
            now = clock.monotonic()
            self._full_from = now + _SHARE * seconds
            self._full_at = max(now + AGAIN_SECONDS, self._full_from)

    def heard(self, returned: int, server_now: float, passed_over: Callable[[Line], bool]) -> None:
        """So often something returned, by now; what is returning at this moment is not committed yet.

        A line that this look passed over is looked at from its start when its turn comes.
        """
        if returned != self._returned:
            self._returned = returned
            self._full_until = clock.monotonic() + _LATE_SECONDS
            for line in filter(passed_over, list(self._now)):
                self._now.pop(line, None)
                self._then.pop(line, None)
        self._due_from = server_now - _DUE_MARGIN_SECONDS
