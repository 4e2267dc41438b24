"""The evidence of a run, and what it says of each process: when it died or stood still, by whose hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from cardoon.model.job import Job
from cardoon.model.states import State
from cardoon.testing.torture.ledger import Record

FOR_EVER = 2**63
"""A moment after all others."""

FORCED = ("supervisor", "group", "force")
"""Kinds of kills that end all processes of a worker, also one that was just being started."""


class Evidence:
    """`records` of all ledgers by time; the `jobs` that the engine knows at the end, by id; for those that
    have some, the earlier `attempts` it remembers; and what was `left` behind, a line for each.
    """

    def __init__(
        self,
        records: Sequence[Record],
        jobs: Mapping[str, Job],
        attempts: Mapping[str, Sequence[Job]] = {},
        left: Iterable[str] = (),
    ) -> None:
        self.records = records
        self.jobs = jobs
        self.attempts = attempts
        self.left = tuple(left)

    def events(self, *names: str) -> list[Record]:
        """The records of these events, by time."""
        return [record for name in names for record in self._by_event[name]]

    def of(self, id: str, *events: str) -> list[Record]:
        """What was written about a job, by time."""
        return [record for record in self._by_job[id] if not events or record.event in events]

    @cached_property
    def ids(self) -> set[str]:
        """Every job that anybody wrote about, that is to follow another, or that the engine knows."""
        return {id for id in self._by_job if id} | set(self.linked) | set(self.jobs)

    @cached_property
    def linked(self) -> dict[str, str]:
        """The jobs that are sent by the success of another one, with the id of that one."""
        chains = (record for record in self.events("want") if record.data["kind"] == "chain")
        return {id: chain.id for chain in chains for id in chain.data["follows"]}

    def succeeded(self, id: str) -> bool:
        """Whether the engine says that this job did."""
        job = self.jobs.get(id)
        return job is not None and job.state is State.SUCCEEDED

    @cached_property
    def _by_event(self) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = defaultdict(list)
        for record in self.records:
            found[record.event].append(record)
        return found

    @cached_property
    def _by_job(self) -> dict[str, list[Record]]:
        found: dict[str, list[Record]] = defaultdict(list)
        for record in self.records:
            found[record.id].append(record)
        return found

    # -- what the faults explain

    def died_before_it_began(self, attempt: Job) -> bool:
        """Whether the process of an attempt that wrote nothing died by the hand of the nemesis."""
        process = self._incarnations.get(attempt.worker or "")
        return process is not None and bool(self.fault(process, FOR_EVER, by_itself=False))

    @cached_property
    def _incarnations(self) -> dict[str, Record]:
        """What each worker process wrote first, by its id."""
        return {record.data["worker"]: record for record in self.events("ready")}

    def fault(self, attempt: Record, before: int, *, by_itself: bool = True) -> str:
        """What befell the process of an attempt before this moment, by which it could lose its job.

        That a task ended its own process counts only with `by_itself`.
        """
        pid, parent = attempt.pid, attempt.data.get("parent", 0)
        deaths = (died for died in self._deaths.get(pid, ()) if by_itself or died.event != "die")
        if any(died.at <= before for died in deaths):
            return "killed"
        if any(killed.at <= before for killed in self._forced.get(parent, ())):
            return "killed"
        if any(before - stop.at >= stop.data["after"] * 1e9 for stop in self._stops.get(pid, ())):
            return "stopped"
        if parent in self._armed and self.last_word(pid) <= before:
            return "failpoint"
        return ""

    def last_word(self, pid: int) -> int:
        """When this process last wrote anything."""
        return self._last_words.get(pid, 0)

    @cached_property
    def _deaths(self) -> dict[int, list[Record]]:
        found: dict[int, list[Record]] = defaultdict(list)
        for record in self.events("kill", "die"):
            for pid in record.data.get("pids", [record.pid]):
                found[pid].append(record)
        return found

    @cached_property
    def _forced(self) -> dict[int, list[Record]]:
        """Kills of whole workers, by the pid of the supervisor."""
        found: dict[int, list[Record]] = defaultdict(list)
        for record in self.events("kill"):
            if record.data["kind"] in FORCED:
                found[record.data["supervisor"]].append(record)
        return found

    @cached_property
    def _stops(self) -> dict[int, list[Record]]:
        """Standstills by which a process may lose its jobs, by its pid."""
        found: dict[int, list[Record]] = defaultdict(list)
        for record in self.events("stop"):
            for pid in record.data["affects"]:
                found[pid].append(record)
        return found

    @cached_property
    def _armed(self) -> set[int]:
        """Supervisors of workers that fail at a failpoint."""
        return {record.data["supervisor"] for record in self.events("arm")}

    @cached_property
    def _last_words(self) -> dict[int, int]:
        return {record.pid: record.at for record in self.records}
