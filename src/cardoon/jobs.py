"""The jobs of an application, taken by a filter: `app.jobs`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from cardoon import bulk
from cardoon.bulk import What, filter_of
from cardoon.engines.contract import Engine
from cardoon.model.job import Job
from cardoon.model.signature import UNTYPED
from cardoon.result import AsyncResult

if TYPE_CHECKING:
    from cardoon.app import Cardoon


class Found(Sequence[Job]):
    """Some jobs, newest first. `next` names the page after it for `find(..., page=)`; None at the end."""

    def __init__(self, app: Cardoon, engine: Engine, jobs: list[Job], next: str | None) -> None:
        self.jobs = jobs
        self.next = next
        self._app = app
        self._engine = engine

    @property
    def handles(self) -> list[AsyncResult[Any]]:
        """Their handles, typed by their tasks where these are registered here."""
        return [self._handle(job) for job in self.jobs]

    def _handle(self, job: Job) -> AsyncResult[Any]:
        task = self._app.tasks.find(job.task)
        returns = UNTYPED if task is None else task.signature.returns
        return AsyncResult(job.id, self._engine, task=job.task, returns=returns)

    @overload
    def __getitem__(self, index: int) -> Job: ...
    @overload
    def __getitem__(self, index: slice) -> list[Job]: ...
    def __getitem__(self, index: int | slice) -> Job | list[Job]:
        return self.jobs[index]

    def __len__(self) -> int:
        return len(self.jobs)

    def __repr__(self) -> str:
        return f"<Found {len(self)}{', and there may be more' if self.next else ''}>"


class Jobs:
    """`app.jobs`. A filter is written as in the command line, see docs/guides/operating.md.

    What acts takes the jobs that match while it goes through them, some hundred at a time: each hundred
    together or not at all. It answers how many it did; with `dry_run` how many it would do.
    """

    def __init__(self, app: Cardoon) -> None:
        self._app = app

    @property
    def _engine(self) -> Engine:
        return self._app.engine

    def find(self, filter: What = "", *, limit: int = 50, page: str | None = None) -> Found:
        """Up to `limit` of the jobs, newest first. Raises InvalidFilter; InvalidOption for a wrong page."""
        engine, wanted = self._engine, filter_of(filter)
        jobs: list[Job] = []
        while True:
            found = engine.find(wanted, page=page, limit=limit - len(jobs))
            jobs += found.jobs
            page = found.next
            if page is None or len(jobs) >= limit:
                return Found(self._app, engine, jobs, page)

    def walk(self, filter: What = "") -> Iterator[Job]:
        """All of the jobs, newest first, read page by page."""
        return bulk.walk(self._engine, filter_of(filter))

    def count(self, filter: What = "") -> int:
        """How many there are now: each is looked at, which takes seconds for a million."""
        return bulk.count(self._engine, filter_of(filter))

    def retry(self, filter: What, *, dry_run: bool = False) -> int:
        """Let jobs that ended, and parked ones, wait again under their ids, as if they were sent now.

        Unless the filter names states or ids, only failed and quarantined ones are taken.
        """
        return self.count(bulk.to_retry(filter)) if dry_run else bulk.retry(self._engine, filter)

    def cancel(self, filter: What, *, terminate: bool = False, dry_run: bool = False) -> int:
        """Cancel those that wait, and let those that run never run again; `terminate` ends these too."""
        if dry_run:
            return self.count(bulk.to_cancel(filter))
        return bulk.cancel(self._engine, filter, terminate=terminate)

    def delete(self, filter: What, *, dry_run: bool = False) -> int:
        """Forget jobs that do not run, with all that is kept of them."""
        return self.count(bulk.to_delete(filter)) if dry_run else bulk.delete(self._engine, filter)
