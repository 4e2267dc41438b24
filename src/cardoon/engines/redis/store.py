"""The store's verbs on Redis: what is remembered of jobs."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from cardoon.engines.redis.core import Core, fence
from cardoon.engines.redis.ear import RECHECK_SECONDS, Ear
from cardoon.engines.redis.keys import key_of
from cardoon.engines.redis.records import (
    CODES,
    Record,
    attempt_of,
    data_of,
    job_of,
    kept_attempt,
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
        keys = {key_of(id): id for id in ids}
        if timeout <= 0:
            return _jobs(keys, self._ends_of(keys, ""))
        with self._ears.listen() as ear:
            while True:
                found = ear.ends_of(keys) or self._look(ear, keys)
                left = deadline - clock.monotonic()
                if found or ear.woken:
                    return _jobs(keys, found)
                if left <= 0:
                    self._let_be(ear, keys)
                    return {}
                ear.wait(min(left, RECHECK_SECONDS))

    def _look(self, ear: Ear, keys: Collection[bytes]) -> dict[bytes, bytes]:
        """Those that have ended, with their records; of the others the ear will be told."""
        asked = ear.to_ask(keys)
        found = self._ends_of(asked, ear.name) if asked else {}
        ear.awaited.update(asked)
        ear.awaited -= found.keys()
        return found

    def _ends_of(self, keys: Collection[bytes], ear: str) -> dict[bytes, bytes]:
        told = self._server.run("await", ear, *keys)
        return dict(zip(told[::2], told[1::2], strict=True))

    def _let_be(self, ear: Ear, keys: Collection[bytes]) -> None:
        """Wait for these no more."""
        self._server.run("await_no_more", ear.name, *keys)
        ear.awaited.difference_update(keys)

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


def _jobs(ids: Mapping[bytes, str], found: Mapping[bytes, bytes]) -> dict[str, Job]:
    return {ids[key]: job_of(ids[key], record_of(kept)) for key, kept in found.items()}
