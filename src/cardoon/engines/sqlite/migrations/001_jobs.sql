-- One table of jobs. Finished ones stay in it until their retention ends; every index that a claim or
-- a settle touches is partial, so that history weighs nothing on them (docs/decisions/0003).
-- `cancel` is 1 for a running job that must not wait again, 2 for one that its worker is to end.
-- No CHECK constraints: they cost a third of the rate of `map`. What a row holds is judged when it is read.
CREATE TABLE jobs (
    seq      INTEGER PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    state    TEXT NOT NULL,
    queue    TEXT NOT NULL,
    priority INTEGER NOT NULL,
    token    INTEGER NOT NULL DEFAULT 0,
    attempt  INTEGER NOT NULL DEFAULT 0,
    retries  INTEGER NOT NULL DEFAULT 0,
    crashes  INTEGER NOT NULL DEFAULT 0,
    suspect  INTEGER NOT NULL DEFAULT 0,
    cancel   INTEGER NOT NULL DEFAULT 0,
    worker   TEXT,
    created  REAL NOT NULL,
    due      REAL,
    expires  REAL,
    started  REAL,
    finished REAL,
    task     TEXT NOT NULL,
    parent   TEXT,
    body     BLOB NOT NULL,
    result   BLOB,
    progress BLOB,
    error    BLOB,
    note     TEXT NOT NULL DEFAULT ''
);
CREATE INDEX jobs_ready   ON jobs (queue, priority, seq) WHERE state = 'ready';
CREATE INDEX jobs_suspect ON jobs (queue, seq)         WHERE state = 'ready' AND suspect;
CREATE INDEX jobs_due     ON jobs (due, queue, state)    WHERE state IN ('delayed', 'retrying');
CREATE INDEX jobs_running ON jobs (worker, queue)        WHERE state = 'running';
CREATE INDEX jobs_expires ON jobs (expires)
    WHERE expires IS NOT NULL AND state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying');
CREATE INDEX jobs_parked  ON jobs (state, task, queue)   WHERE state IN ('parked', 'blocked');
CREATE INDEX jobs_ended   ON jobs (state, seq)           WHERE finished IS NOT NULL AND state <> 'succeeded';
CREATE INDEX jobs_parent  ON jobs (parent)               WHERE parent IS NOT NULL;

-- Earlier attempts that did not end their job, and the ends that were replayed.
CREATE TABLE attempts (
    id TEXT NOT NULL, token INTEGER NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL,
    started REAL, finished REAL, worker TEXT, result BLOB, error BLOB, note TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (id, token)
) WITHOUT ROWID;

CREATE TABLE annotations (n INTEGER PRIMARY KEY, id TEXT NOT NULL, kind TEXT NOT NULL, data BLOB NOT NULL);
CREATE INDEX annotations_of ON annotations (id, kind, n);

CREATE TABLE queues (name TEXT PRIMARY KEY, paused INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;

-- How many jobs of a queue ended in a state, ever.
CREATE TABLE ended (queue TEXT, state TEXT, n INTEGER NOT NULL, PRIMARY KEY (queue, state)) WITHOUT ROWID;

-- A retired worker stays as a tombstone for a day, so that a late beat does not revive it.
CREATE TABLE workers (
    id TEXT PRIMARY KEY, report BLOB NOT NULL, retired REAL, ordered TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;

-- The fence of a lock outlives its holders: it only grows.
CREATE TABLE locks (name TEXT PRIMARY KEY, fence INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE holders (
    name TEXT NOT NULL, owner TEXT NOT NULL, fence INTEGER NOT NULL, worker TEXT NOT NULL, until REAL,
    PRIMARY KEY (name, owner)
) WITHOUT ROWID;
CREATE INDEX holders_of ON holders (worker) WHERE worker <> '';

-- When a bucket of tokens will be full again (generic cell rate algorithm).
CREATE TABLE buckets (name TEXT PRIMARY KEY, full_at REAL NOT NULL) WITHOUT ROWID;

CREATE TABLE arrivals (barrier TEXT NOT NULL, member TEXT NOT NULL, PRIMARY KEY (barrier, member)) WITHOUT ROWID;

CREATE TABLE schedules (name TEXT PRIMARY KEY, next_due REAL, enabled INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;
