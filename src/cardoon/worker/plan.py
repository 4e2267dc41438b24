"""What a worker was told: passed from the command line to the supervisor and on to each process."""

from __future__ import annotations

import msgspec


class Lifetime(msgspec.Struct, frozen=True, kw_only=True):
    """After how much a process makes place for a fresh one; None is never. Each process draws its own
    bounds from the last tenth below these, so that not all leave at once.

    `jobs` run, `bytes` of memory in use, `seconds` since its start, `idle` seconds without a job.
    """

    jobs: int | None = None
    bytes: int | None = None
    seconds: float | None = None
    idle: float | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to run a worker. `app` is its path, `queues` None means all, durations are seconds.

    What is None is for the application's settings to say. `threads` and `coroutines` are places of
    each process; with neither, its main thread runs one job at a time. `autoscale` is the most and the
    least processes there may be.
    """

    app: str | None = None
    queues: list[str] | None = None
    processes: int | None = None
    threads: int = 0
    coroutines: int = 0
    autoscale: tuple[int, int] | None = None
    lifetime: Lifetime = Lifetime()
    burst: bool = False
    log_level: str | None = None
    log_format: str = "text"
    logfile: str | None = None
    shutdown_timeout: float | None = None
    name: str = ""
    pidfile: str | None = None
    probe_file: str | None = None
    probe_port: int | None = None


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor tells a process: the plan, who it is, and the descriptors it inherits.

    `again` says that another process of this worker has used the engine already.
    """

    plan: Plan
    worker: str
    number: int
    supervisor: int
    line: int
    slate: int
    again: bool = False
