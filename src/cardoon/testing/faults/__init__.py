"""Faults for your own tasks: kill, stop and starve real workers, and see what becomes of the jobs.

    with faults.Worker("tasks:app", "-p", "2") as worker:
        handle = resize.delay("cat.jpg")
        worker.kill_child()
        assert handle.get(timeout=10) == "cat-small.jpg"

Everything here works on real processes of this machine, so it needs Linux; what the machine does not
allow raises CannotInject, which says why. `docs/guides/faults.md` shows each of them.
"""

from cardoon.testing.faults.disk import SmallDisk, small_disk
from cardoon.testing.faults.failing import failing_at
from cardoon.testing.faults.limits import file_limit, memory_group, memory_limit
from cardoon.testing.faults.processes import (
    CannotInject,
    children_of,
    family_of,
    go_on,
    kill,
    lives,
    stop,
    stop_for,
    stopped,
)
from cardoon.testing.faults.proxy import Proxy
from cardoon.testing.faults.servers.postgres import PostgresServer
from cardoon.testing.faults.servers.redis import RedisServer
from cardoon.testing.faults.servers.server import Server, ServerTrouble, server_at
from cardoon.testing.faults.wall_clock import WallClock, wall_clock
from cardoon.testing.faults.worker import Worker, WorkerTrouble

__all__ = [
    "CannotInject",
    "PostgresServer",
    "Proxy",
    "RedisServer",
    "Server",
    "ServerTrouble",
    "SmallDisk",
    "WallClock",
    "Worker",
    "WorkerTrouble",
    "children_of",
    "failing_at",
    "family_of",
    "file_limit",
    "go_on",
    "kill",
    "lives",
    "memory_group",
    "memory_limit",
    "server_at",
    "small_disk",
    "stop",
    "stop_for",
    "stopped",
    "wall_clock",
]
