"""A server whose disk is full: told to the caller in time, and over when there is room again (F38)."""

from __future__ import annotations

import sys

import pytest
from tests import servers

from cardoon.testing import faults

BYTES = 192 * 2**20
SCRIPT = """\
import os, sys, tempfile, time
from cardoon.engines.urls import connect
from cardoon.model import clock
from cardoon.model.errors import EngineError
from cardoon.model.message import Message
from cardoon.testing import faults

kind, folder = sys.argv[1], os.getcwd()
os.chmod(folder, 0o755)
tempfile.tempdir = folder
made = {"postgres": faults.PostgresServer, "redis": faults.RedisServer}[kind]
settings = {"postgres": {"max_wal_size": "64MB", "min_wal_size": "32MB"}, "redis": {}}[kind]

def jobs(count):
    return [Message(id=clock.new_id(), task="t", args=("x" * 4_000,)) for _ in range(count)]

def tried(engine):
    begun = time.monotonic()
    try:
        engine.push(jobs(200))
    except EngineError as error:
        assert time.monotonic() - begun < 12
        return type(error).__name__
    return ""

with made(settings=settings) as server:
    engine = connect(server.url)
    engine.migrate()
    (kept,) = jobs(1)
    engine.push([kept])
    with open("filler", "ab", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65_536))
        except OSError:
            pass
    told = next(filter(None, (tried(engine) for _ in range(2_000))))
    os.unlink("filler")
    server.start()
    deadline = time.monotonic() + 30
    while tried(engine):
        assert time.monotonic() < deadline, server.log
        time.sleep(0.1)
    assert engine.result(kept.id) is not None
    engine.close()
print(told)
"""


@pytest.mark.parametrize("kind", sorted(servers.KINDS))
def test_a_server_with_a_full_disk_says_so_and_goes_on_with_all_when_there_is_room(kind: str) -> None:
    servers.private(kind)  # or it is skipped
    try:
        with faults.small_disk(BYTES) as disk:
            done = disk.run([sys.executable, "-c", SCRIPT, kind], 120.0)
    except faults.CannotInject as error:
        pytest.skip(str(error))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() in ("EngineFull", "EngineUnavailable")
