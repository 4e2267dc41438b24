"""What a worker was told: passed from the command line to the supervisor and on to each process."""

from __future__ import annotations

import msgspec


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to run a worker. `app` is its path, `queues` None means all, durations are seconds.

    What is None is for the application's settings to say.
    """

    app: str | None = None
    queues: list[str] | None = None
    processes: int | None = None
    burst: bool = False
    log_level: str | None = None
    log_format: str = "text"
    logfile: str | None = None
    shutdown_timeout: float | None = None
    name: str = ""


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """What a process tells its supervisor once it has the application."""

    app: str
    url: str
    profile: str
    retention: float | None
    tasks: int
    shutdown_timeout: float
    processes: int | None = None


class Orders(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor tells a process: the plan, who it is, and where to say hello."""

    plan: Plan
    worker: str
    number: int
    supervisor: int
    socket: int
