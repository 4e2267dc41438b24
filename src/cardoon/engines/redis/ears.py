"""The ears of an engine object, and who uses which."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager, suppress

from cardoon.engines.forks import heed
from cardoon.engines.redis.connection import Connections
from cardoon.engines.redis.ear import Ear
from cardoon.engines.redis.standby import Hands


class Ears:
    """The ears of one engine object, kept from wait to wait. A forked process has its own."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._forget()
        heed(self)

    def _forget(self) -> None:
        self.hands = Hands()
        self._owed = False
        self._resting: deque[Ear] = deque()
        self._early: dict[int, Ear] = {}
        self._listening: set[Ear] = set()

    def wake(self) -> None:
        """End the waits of those that listen through this object; safe in a signal handler."""
        self._owed = True
        for ear in list(self._listening):
            ear.wake()

    @contextmanager
    def listen(self) -> Generator[Ear]:
        """An ear that hears from now on what the server tells it."""
        me = threading.get_ident()
        ear = self._early.pop(me, None) or self._ear()
        if not ear.promised:
            ear.begin()
        self._listening.add(ear)
        ear.woken, self._owed = self._owed or ear.woken, False
        try:
            yield ear
        finally:
            self._listening.discard(ear)
            ear.promised = None
            if ear.standby.now is None:
                self._resting.append(ear)
            else:
                self._early[me] = ear

    def early(self, will_wait: bool) -> Ear | None:
        """An ear for the next `listen` of this thread, if one rests; what is `promised` to it is for that.

        Who will not wait gets that which stands by still, so that this can be ended.
        """
        me = threading.get_ident()
        ear = self._early.get(me)
        if ear is None and will_wait and self._resting:
            ear = self._early[me] = self._ear()
        if ear is None or not (will_wait or ear.standby.now):
            return None
        ear.promised = None
        ear.begin()
        return ear

    def _ear(self) -> Ear:
        try:
            return self._resting.pop()
        except IndexError:
            return Ear(self._connections, self.hands)

    def close(self) -> None:
        """Let go of all ears that rest. One that stands by is left without a connection: how that ends is
        for the next `exchange` of its thread to find out.
        """
        for me, ear in list(self._early.items()):
            if ear.standby.now is not None:
                ear.hang_up()
            elif self._early.pop(me, None) is ear:
                self._resting.append(ear)
        while self._resting:
            with suppress(IndexError):
                self._resting.pop().close()

    def before_fork(self) -> None:
        """Nothing to wait for: what other threads hear does not outlive them in a child."""

    def after_fork(self) -> None:
        """Nobody was kept out."""

    def forked(self) -> None:
        """See `Forkable`."""
        self.close()
        for ear in self._early.values():
            ear.close()
        self._forget()
