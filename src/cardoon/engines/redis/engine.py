"""The engine of `redis://localhost/0`: opening it, and telling what it truly is."""

from __future__ import annotations

import logging

from cardoon.engines.contract import RETENTION_SECONDS, Capabilities, Profile
from cardoon.engines.redis.broker import Broker
from cardoon.engines.redis.connection import Ask, Connections
from cardoon.engines.redis.ears import Ears
from cardoon.engines.redis.holding import Holding
from cardoon.engines.redis.liveness import Liveness
from cardoon.engines.redis.operators import Operators
from cardoon.engines.redis.place import parse
from cardoon.engines.redis.queues import Queues
from cardoon.engines.redis.standing import Standing, check_access, examine, refuse
from cardoon.engines.redis.store import Store
from cardoon.engines.silence import Silence

log = logging.getLogger("cardoon")


class RedisEngine(Broker, Queues, Operators, Liveness, Store, Holding):
    """Keeps jobs in one namespace of a Redis or Valkey server, shared by all hosts that reach it.

    It connects, and looks at the server's settings, at the first call. All time is the server's.
    """

    capabilities = Capabilities(shared=True, durable=True, remembers=True)

    def __init__(
        self, url: str, *, profile: str = "durable", retention: float | None = RETENTION_SECONDS
    ) -> None:
        self._place = parse(url, profile=profile, retention=retention)
        self._server = Connections(self._place, self._examine)
        self._ears = Ears(self._server)
        self._standing: Standing | None = None
        self._silence = Silence()
        self._window_at = 0, 0.0

    def _examine(self, ask: Ask) -> None:
        """Look at what a server is, before it is trusted with anything."""
        found, before = examine(ask), self._standing
        refuse(found, self._place, was_open=before is not None)
        check_access(ask, self._place)
        self._standing = found
        if before is None or before.name != found.name:
            self._tell(found)

    def _tell(self, found: Standing) -> None:
        profile = found.profile
        level = logging.INFO if profile.name in ("durable", self._place.profile) else logging.WARNING
        log.log(level, "%s: profile %s: %s", self._place.shown, profile.name, profile.sentence)

    def open(self) -> None:
        """See `Engine.open`."""
        self._server.command("PING")

    def migrate(self) -> list[str]:
        """Nothing to bring up to date: keys appear as they are needed."""
        self.open()
        return []

    def profile(self) -> Profile:
        """See `Engine.profile`; read anew, as settings may be changed while the server runs."""
        self._server.close()
        self.open()
        assert self._standing is not None
        return self._standing.profile

    def wake(self) -> None:
        """See `Store.wake`."""
        self._ears.wake()

    def close(self) -> None:
        """See `Engine.close`."""
        self._ears.close()
        self._server.close()
