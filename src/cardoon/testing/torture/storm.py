"""What befalls the server of a run, and the way to it."""

from __future__ import annotations

import random
from collections.abc import Callable

from cardoon.testing.faults import Proxy, Server
from cardoon.testing.torture.ledger import Ledger
from cardoon.testing.torture.setup import Setup

KILLS = {"server": 15, "cut": 15, "lost request": 15, "lost answer": 15}
"""Beside a hundred kills of processes, so many of the server, of all connections, of one connection."""

OTHERS = {"stop server": 5, "black hole": 5, "refuse": 5}
"""Beside them, so many times it stands still, or is not reached."""

_LONGEST_SILENCE = 7.0
"""Longer than a call may take, shorter than the silence of the dead."""
_REQUESTS = (1, 20)

After = Callable[[float, Callable[[], object]], None]


class Storm:
    """One misfortune at a time. `outage` is the longest that the server is away, in seconds.

    `after` lets something be done in so many seconds.
    """

    def __init__(
        self,
        server: Server,
        proxy: Proxy,
        outage: float,
        chance: random.Random,
        log: Ledger,
        after: After,
    ) -> None:
        self._target = server
        self._proxy = proxy
        self._outage = outage
        self._chance = chance
        self._log = log
        self._after = after
        self._rages = False

    def strike(self, kind: str) -> bool:
        """Bring it about, unless another one is still under way."""
        if self._rages:
            return False
        self._log.write("storm", data={"kind": kind})
        getattr(self, f"_{kind.replace(' ', '_')}")()
        return True

    def _cut(self) -> None:
        self._proxy.cut()
        self._over("cut")

    def _lost_request(self) -> None:
        self._proxy.cut_before(self._chance.randint(*_REQUESTS))

    def _lost_answer(self) -> None:
        self._proxy.cut_after(self._chance.randint(*_REQUESTS))

    def _server(self) -> None:
        self._target.kill()
        self._later("server", self._outage, self._target.start)

    def _stop_server(self) -> None:
        self._target.freeze()
        self._later("stop server", _LONGEST_SILENCE, self._target.thaw)

    def _black_hole(self) -> None:
        self._proxy.black_hole()
        self._later("black hole", _LONGEST_SILENCE, self._proxy.heal)

    def _refuse(self) -> None:
        self._proxy.refuse()
        self._proxy.cut()
        self._later("refuse", self._outage, self._proxy.heal)

    def _later(self, kind: str, longest: float, mend: Callable[[], object]) -> None:
        """All is well again after a while of at most so many seconds."""
        self._rages = True

        def end() -> None:
            mend()
            self._rages = False
            self._over(kind)

        self._after(self._chance.uniform(0.0, longest), end)

    def _over(self, kind: str) -> None:
        self._log.write("over", data={"kind": kind})


def storm_over(setup: Setup, chance: random.Random, log: Ledger, after: After) -> Storm | None:
    """The storm over a server of our own; None over anything else."""
    ground = setup.ground
    if ground.server is None or ground.proxy is None:
        return None
    return Storm(ground.server, ground.proxy, setup.longest_outage, chance, log, after)
