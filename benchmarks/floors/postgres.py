"""The floor of PostgreSQL: psycopg."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

import psycopg

from benchmarks.floors.floor import End, Job, Row
from cardoon.model import clock

SYNCHRONOUS = {"durable": b"on", "fast": b"off"}

_TABLES = b"""
DROP SCHEMA IF EXISTS floor CASCADE;
CREATE SCHEMA floor;
CREATE TABLE floor.bodies (id text PRIMARY KEY, body bytea NOT NULL);
CREATE TABLE floor.jobs (seq bigserial PRIMARY KEY, id text NOT NULL UNIQUE, state text NOT NULL,
    body text NOT NULL, result text, started float8, finished float8) WITH (fillfactor = 70);
CREATE INDEX ready ON floor.jobs (seq) WHERE state = 'ready';
CREATE TABLE floor.sent (seq bigserial, id text PRIMARY KEY, state text NOT NULL, queue text NOT NULL,
    priority smallint NOT NULL, task text NOT NULL, created float8 NOT NULL, due float8, body bytea NOT NULL);
CREATE INDEX sent_ready ON floor.sent (queue, priority, seq) WHERE state = 'ready';
"""
_SEND = b"""
INSERT INTO floor.sent (id, state, queue, priority, task, created, body)
VALUES (%s, 'ready', 'celery', 5, 'benchmarks.application.add', date_part('epoch', clock_timestamp()), %s)
"""
_EXCHANGE = b"""
WITH ended AS (
    UPDATE floor.jobs SET state = 'done', result = e.result, started = e.started, finished = e.finished
    FROM unnest(%s::text[], %s::float8[], %s::float8[], %s::bigint[]) AS e (result, started, finished, seq)
    WHERE jobs.seq = e.seq
), next AS (
    SELECT seq FROM floor.jobs WHERE state = 'ready' ORDER BY seq LIMIT %s FOR UPDATE SKIP LOCKED
)
UPDATE floor.jobs SET state = 'running' FROM next WHERE jobs.seq = next.seq RETURNING jobs.seq, jobs.body
"""
_ASK = b"""
WITH asked AS (INSERT INTO floor.jobs (id, state, body) VALUES (%s, 'ready', ''))
SELECT pg_notify('floor_asked', '')
"""
_ANSWER = b"""
WITH ended AS (UPDATE floor.jobs SET state = 'done', result = '2', started = %s WHERE seq = %s)
SELECT pg_notify('floor_answered', %s)
"""


class BareFloor:
    """See `Floor`."""

    sentence: ClassVar[str] = (
        "`psycopg` on the same server; one `INSERT` a transaction (autocommit), `COPY` for many; a job as a "
        "row of nine columns with two indexes; processes that finish a batch and claim the next "
        "in one statement (`FOR UPDATE SKIP LOCKED`) on a table with three indexes; an "
        "answer by `LISTEN` and `NOTIFY`"
    )

    def __init__(self, address: str, profile: str = "durable") -> None:
        self._db = psycopg.connect(address, autocommit=True)
        self._db.execute(b"SET synchronous_commit = " + SYNCHRONOUS[profile])
        self._db.execute(b"SET client_min_messages = warning")
        self._listens = False

    def make(self) -> None:
        self._db.execute(_TABLES)

    def insert(self, row: Row) -> None:
        self._db.execute(b"INSERT INTO floor.bodies VALUES (%s, %s)", row)

    def insert_job(self, row: Row) -> None:
        self._db.execute(_SEND, row)

    def insert_many(self, rows: Sequence[Row]) -> None:
        with self._db.cursor().copy(b"COPY floor.bodies FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def fill(self, jobs: Sequence[Row]) -> None:
        with self._db.cursor().copy(b"COPY floor.jobs (id, state, body) FROM STDIN") as copy:
            for id, body in jobs:
                copy.write_row((id, "ready", body.decode()))

    def exchange(self, ends: Sequence[End], batch: int) -> list[Job]:
        columns = [list(column) for column in zip(*ends, strict=True)] or [[], [], [], []]
        return self._db.execute(_EXCHANGE, (*columns, batch)).fetchall()

    def ask(self) -> None:
        self._listen(b"LISTEN floor_answered")
        self._db.execute(_ASK, (clock.new_id(),))

    def hear(self) -> float:
        return float(next(self._db.notifies(stop_after=1)).payload)

    def answer(self) -> None:
        self._listen(b"LISTEN floor_asked")
        while True:
            for seq, _ in self.exchange([], 1):
                started = time.time()
                self._db.execute(_ANSWER, (started, seq, str(started)))
            for _ in self._db.notifies(stop_after=1):
                pass

    def _listen(self, query: bytes) -> None:
        if not self._listens:
            self._db.execute(query)
            self._listens = True

    def bytes_used(self) -> int:
        row = self._db.execute(b"SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0

    def close(self) -> None:
        self._db.close()
