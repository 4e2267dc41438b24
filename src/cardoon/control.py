"""Looking into and steering what is under way, with Celery's words: `app.control`, `inspect()`.

Everything is read from the engine, so it works, and answers at once, whether or not a worker is alive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from cardoon.bulk import walk
from cardoon.engines.contract import Engine
from cardoon.model import clock
from cardoon.model import message as envelope
from cardoon.model.job import Filter, Job, Report
from cardoon.model.message import Unreadable
from cardoon.model.states import WAITING, State
from cardoon.tasks.door import current_app

if TYPE_CHECKING:
    from cardoon.app import Cardoon

STORE = "store"
"""What stands for the engine where Celery has the name of a worker: delayed jobs are in nobody's memory."""

Names: TypeAlias = Iterable[str] | str | None
Told: TypeAlias = dict[str, Any]


class Control:
    """`app.control`: what operators do. Names of workers are those that `ping` tells; None is all."""

    def __init__(self, app: Cardoon) -> None:
        self._app = app

    @property
    def _engine(self) -> Engine:
        return self._app.engine

    def inspect(self, destination: Names = None, timeout: float | None = None) -> Inspect:
        """What is known of workers and jobs; `timeout` is taken for Celery's sake, nobody is waited for."""
        del timeout
        return Inspect(self._app, destination)

    def revoke(
        self, task_id: str | Sequence[str], terminate: bool = False, signal: object = None
    ) -> dict[str, State]:
        """Cancel jobs; with `terminate` those that run are ended too. The state that each known one has now.

        A job is ended in the way that its worker has for it, so `signal` means nothing.
        """
        del signal
        ids = [task_id] if isinstance(task_id, str) else list(task_id)
        return self._engine.cancel(ids, terminate=terminate)

    def terminate(self, task_id: str | Sequence[str], signal: object = None) -> dict[str, State]:
        """`revoke` with `terminate`."""
        return self.revoke(task_id, terminate=True, signal=signal)

    def purge(self, queues: Names = None) -> int:
        """Cancel everything that waits in these queues, delayed or not; how many. Running jobs go on."""
        named = [info.name for info in self._engine.queues()] if queues is None else _listed(queues)
        return self._engine.purge(named)

    discard_all = purge

    def pause(self, queues: Names = None) -> list[str]:
        """No job of these queues starts from now on; which they are."""
        return self._with_queues(queues, self._engine.pause)

    def resume(self, queues: Names = None) -> list[str]:
        """Jobs of these queues start again; which they are."""
        return self._with_queues(queues, self._engine.resume)

    def _with_queues(self, queues: Names, do: Callable[[str], None]) -> list[str]:
        named = [info.name for info in self._engine.queues()] if queues is None else _listed(queues)
        for name in named:
            do(name)
        return named

    def quiet(self, destination: Names = None) -> list[str]:
        """Workers claim nothing more, and finish what they have; the names of those that will hear it."""
        return self._order("quiet", destination)

    def shutdown(self, destination: Names = None) -> list[str]:
        """Workers finish what they have and end; the names of those that will hear it."""
        return self._order("stop", destination)

    def unquiet(self, destination: Names = None) -> list[str]:
        """Workers claim again, and stay; the names of those that will hear it."""
        return self._order("", destination)

    def _order(self, what: str, destination: Names) -> list[str]:
        workers = _chosen(self._engine.workers(), destination)
        return [name_of(worker) for worker in workers if self._engine.order(worker.worker, what)]

    def ping(self, destination: Names = None, timeout: float | None = None) -> list[dict[str, Told]]:
        """A mapping for each worker that is not known to be dead, as Celery has it."""
        del timeout
        return [{name: answer} for name, answer in Inspect(self._app, destination).ping().items()]


class Inspect:
    """What is known now: always a mapping, by the names of workers where Celery has them.

    Each answer is a look of its own. `destination` leaves other workers out.
    """

    def __init__(self, app: Cardoon, destination: Names = None) -> None:
        self._app = app
        self._destination = destination

    def scheduled(self) -> dict[str, list[Told]]:
        """Under `store`, the jobs that wait for a moment, the next one first, each with its `eta`."""
        waiting = self._jobs(State.DELAYED, State.RETRYING)
        waiting.sort(key=lambda job: job.due or 0.0)
        return {STORE: [_scheduled(job) for job in waiting]}

    def active(self) -> dict[str, list[Told]]:
        """What each worker runs, the oldest first; also those of a worker that nobody hears of any more."""
        workers = {worker.worker: worker for worker in self._workers()}
        found: dict[str, list[Told]] = {name_of(worker): [] for worker in workers.values()}
        for job in sorted(self._jobs(State.RUNNING), key=lambda job: job.started or 0.0):
            worker = workers.get(job.worker or "")
            if worker is not None or self._destination is None:
                name = name_of(worker) if worker else str(job.worker)
                found.setdefault(name, []).append(_request(job, worker))
        return found

    def reserved(self) -> dict[str, list[Told]]:
        """Nothing, for each worker: what it has taken but not begun is told by `active`."""
        return {name_of(worker): [] for worker in self._workers()}

    def queued(self) -> dict[str, Told]:
        """For each queue: how many jobs are `ready`, how many `delayed`, the seconds that the `oldest` ready
        one waits (None without one), and whether it is `paused`.
        """
        counts, now = self._app.engine.count(), clock.now()
        return {
            info.name: {
                "ready": counts.get(info.name, {}).get(State.READY, 0),
                "delayed": sum(counts.get(info.name, {}).get(state, 0) for state in WAITING - {State.READY}),
                "oldest": None if info.oldest is None else max(0.0, now - info.oldest),
                "paused": info.paused,
            }
            for info in self._app.engine.queues()
        }

    def registered(self) -> dict[str, list[str]]:
        """The names of the tasks of this application; workers run the same, if they run the same code."""
        tasks = sorted(self._app.tasks)
        return {name_of(worker): tasks for worker in self._workers()} or {STORE: tasks}

    def active_queues(self) -> dict[str, list[Told]]:
        """The queues from which each worker takes jobs."""
        known = [info.name for info in self._app.engine.queues()]
        return {name_of(w): [{"name": name} for name in w.queues or known] for w in self._workers()}

    def stats(self) -> dict[str, Told]:
        """Each worker's process, and since when it runs."""
        now = clock.now()
        return {name_of(worker): _stats(worker, now) for worker in self._workers()}

    def ping(self) -> dict[str, Told]:
        """The workers that are not known to be dead."""
        return {name_of(worker): {"ok": "pong"} for worker in self._workers()}

    def query_task(self, *ids: str) -> dict[str, Told]:
        """Under `store`, for each of these jobs that is known its state and what it is."""
        jobs = {id: self._app.engine.result(id) for id in ids}
        return {STORE: {id: [job.state.value, _request(job, None)] for id, job in jobs.items() if job}}

    def _jobs(self, *states: State) -> list[Job]:
        return list(walk(self._app.engine, Filter(states=frozenset(states))))

    def _workers(self) -> list[Report]:
        return _chosen(self._app.engine.workers(), self._destination)


def inspect(destination: Names = None, timeout: float | None = None, *, app: Any = None) -> Inspect:
    """What is known of the workers and jobs of `app`, or of the current application."""
    del timeout
    return Inspect(app or cast("Cardoon", current_app()), destination)


def name_of(worker: Report) -> str:
    """The name of a worker process; of one that gave none, the id of this start of it."""
    return worker.name or worker.worker


def _listed(names: Iterable[str] | str) -> list[str]:
    return [names] if isinstance(names, str) else list(names)


def _chosen(workers: list[Report], destination: Names) -> list[Report]:
    """The workers of these names or ids; all of them where nobody is named."""
    if destination is None:
        return workers
    wanted = _listed(destination)
    return [worker for worker in workers if name_of(worker) in wanted or worker.worker in wanted]


def _scheduled(job: Job) -> Told:
    eta = None if job.due is None else clock.as_datetime(job.due).isoformat()
    return {"eta": eta, "priority": job.priority, "request": _request(job, None)}


def _request(job: Job, worker: Report | None) -> Told:
    """A job as Celery's `inspect` tells it."""
    try:
        message = envelope.decode(job.body)
        args, kwargs = message.args, message.kwargs
    except Unreadable:
        args, kwargs = [], {}
    return {
        "id": job.id,
        "name": job.task,
        "args": args,
        "kwargs": kwargs,
        "hostname": None if job.worker is None else name_of(worker) if worker else job.worker,
        "time_start": job.started,
        "acknowledged": False,
        "delivery_info": {"routing_key": job.queue, "priority": job.priority},
        "worker_pid": worker.pid if worker else None,
    }


def _stats(worker: Report, now: float) -> Told:
    return {
        "id": worker.worker,
        "pid": worker.pid,
        "host": worker.host,
        "queues": worker.queues,
        "slots": worker.slots,
        "started": worker.started,
        "uptime": max(0.0, now - worker.started),
    }
