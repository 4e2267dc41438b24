"""The store's verbs on Redis: what is remembered of jobs."""

from __future__ import annotations

from collections.abc import Collection

from cardoon.engines.redis.core import Core, fence
from cardoon.engines.redis.ears import RECHECK_SECONDS
from cardoon.engines.redis.records import (
    CODES,
    Record,
    attempt_of,
    data_of,
    id_of,
    job_of,
    kept_attempt,
    key_of,
    note_of,
    record_of,
)
from cardoon.engines.redis.search import Search
from cardoon.model import clock
from cardoon.model.job import Claim, Filter, Job, Page
from cardoon.model.states import State

_RUNNING = CODES[State.RUNNING]


class Store(Core):
    """Remembers; see the contract for what each verb promises."""

    def result(self, id: str) -> Job | None:
        """See `Store.result`."""
        record = self._record(id)
        return None if record is None else job_of(id, record)

    def _record(self, id: str) -> Record | None:
        kept = self._server.command("GET", self._server.key(b"j", key_of(id)))
        return None if kept is None else record_of(kept)

    def wait_results(self, ids: Collection[str], timeout: float) -> dict[str, Job]:
        """See `Store.wait_results`."""
        deadline = clock.monotonic() + timeout
        keys = [key_of(id) for id in ids]
        channels = {self._server.key(b"r", key): key for key in keys}
        with self._ears.listen() as ear, ear.following([self._server.base + b":waiting", *channels]):
            while True:
                told = self._server.run("await", *keys)
                found = dict(zip(told[::2], told[1::2], strict=True))
                left = deadline - clock.monotonic()
                if not found and left > 0 and not ear.woken:
                    ear.wait(min(left, RECHECK_SECONDS))
                    found = {channels[channel]: kept for channel, kept in ear.told}
                if found or left <= 0 or ear.woken:
                    return {id_of(key): job_of(id_of(key), record_of(kept)) for key, kept in found.items()}

    def annotate(self, claim: Claim, kind: str, data: bytes) -> bool:
        """See `Store.annotate`."""
        return bool(self._server.run("annotate", *fence(claim), kind, data))

    def annotations(self, id: str, kind: str) -> list[bytes]:
        """See `Store.annotations`."""
        if kind == "progress":
            job = self.result(id)
            return [] if job is None or job.progress is None else [job.progress]
        kept = [note_of(data) for data in self._listed(b"n", id)]
        return [data_of(note.data) or b"" for note in kept if data_of(note.kind) == kind.encode()]

    def _listed(self, kind: bytes, id: str) -> list[bytes]:
        found: list[bytes] = self._server.command("LRANGE", self._server.key(kind, key_of(id)), 0, -1)
        return found

    def owns(self, claim: Claim) -> bool:
        """See `Store.owns`."""
        record = self._record(claim.id)
        if record is None:
            return False
        return (record.seq, record.token, record.state) == (claim.ref, claim.token, _RUNNING)

    def find(self, filter: Filter, *, page: str | None = None, limit: int = 50, brief: bool = False) -> Page:
        """See `Store.find`. To be brief would spare nothing here."""
        return Search(self._server, filter, page, limit).page()

    def attempts(self, id: str) -> list[Job]:
        """See `Store.attempts`."""
        kept = [kept_attempt(data) for data in self._listed(b"a", id)]
        job = self.result(id) if kept else None
        return [] if job is None else [attempt_of(job, attempt) for attempt in kept]
