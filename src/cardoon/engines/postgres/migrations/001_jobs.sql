-- The jobs that have not ended. `cancel` is 1 for a running job that must not wait again, 2 for one that its
-- worker is to end. What a row holds is judged when it is read. Texts have their NULs escaped.
CREATE SEQUENCE {schema}.jobs_seq;
CREATE TABLE {schema}.jobs (
    seq      bigint NOT NULL PRIMARY KEY DEFAULT nextval('{schema}.jobs_seq'),
    created  float8 NOT NULL,
    due      float8,
    expires  float8,
    started  float8,
    token    integer NOT NULL DEFAULT 0,
    attempt  integer NOT NULL DEFAULT 0,
    retries  integer NOT NULL DEFAULT 0,
    crashes  integer NOT NULL DEFAULT 0,
    priority smallint NOT NULL,
    cancel   smallint NOT NULL DEFAULT 0,
    suspect  boolean NOT NULL DEFAULT false,
    state    text COLLATE "C" NOT NULL,
    queue    text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL UNIQUE,
    task     text COLLATE "C" NOT NULL,
    worker   text COLLATE "C",
    parent   text COLLATE "C",
    note     text COLLATE "C" NOT NULL DEFAULT '',
    body     bytea NOT NULL,
    progress bytea,
    error    bytea
) WITH (
    fillfactor = 80,
    autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 1
);
-- Claims begin at a remembered `seq` of each line (docs/decisions/0015): the dead entries before it, which an
-- old snapshot keeps, are not passed again.
CREATE INDEX jobs_ready   ON {schema}.jobs (queue, priority, seq) WHERE state = 'ready' AND NOT suspect;
CREATE INDEX jobs_due     ON {schema}.jobs (due)                  WHERE state IN ('delayed', 'retrying');
CREATE INDEX jobs_running ON {schema}.jobs (worker)               WHERE state = 'running';
-- The few that are out of the ordinary share an index: each index costs every push.
CREATE INDEX jobs_odd     ON {schema}.jobs (state, seq)           WHERE suspect OR state IN ('parked', 'blocked');
CREATE INDEX jobs_expires ON {schema}.jobs (expires)
    WHERE expires IS NOT NULL AND state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying');
CREATE INDEX jobs_parent  ON {schema}.jobs (parent, seq)          WHERE parent IS NOT NULL;

-- The jobs that have ended, in buckets of time: a bucket is dropped whole when all in it is old.
CREATE TABLE {schema}.history (
    seq      bigint NOT NULL,
    created  float8 NOT NULL,
    due      float8,
    expires  float8,
    started  float8,
    finished float8 NOT NULL,
    token    integer NOT NULL,
    attempt  integer NOT NULL,
    retries  integer NOT NULL,
    crashes  integer NOT NULL,
    priority smallint NOT NULL,
    cancel   smallint NOT NULL,
    state    text COLLATE "C" NOT NULL,
    queue    text COLLATE "C" NOT NULL,
    id       text COLLATE "C" NOT NULL,
    task     text COLLATE "C" NOT NULL,
    worker   text COLLATE "C",
    parent   text COLLATE "C",
    note     text COLLATE "C" NOT NULL,
    body     bytea NOT NULL,
    result   bytea,
    progress bytea,
    error    bytea
) PARTITION BY RANGE (finished);
CREATE INDEX history_id     ON {schema}.history (id);
CREATE INDEX history_seq    ON {schema}.history (seq);
CREATE INDEX history_state  ON {schema}.history (state, seq)  WHERE state <> 'succeeded';
CREATE INDEX history_parent ON {schema}.history (parent, seq) WHERE parent IS NOT NULL;
-- What ended when no bucket was ready for it; here jobs are forgotten one by one.
CREATE TABLE {schema}.history_other PARTITION OF {schema}.history DEFAULT;

-- No job has ended whose id is a UUIDv7 that was made later than this, as a number (its first 60 bits without the
-- version). It is read and written without regard to transactions, and grows before a job ends.
CREATE SEQUENCE {schema}.ended_until MINVALUE 0;
SELECT setval('{schema}.ended_until', 0); -- what was never set has no last value

-- Earlier attempts that did not end their job, and the ends that were replayed.
CREATE TABLE {schema}.attempts (
    id text COLLATE "C" NOT NULL, token integer NOT NULL, attempt integer NOT NULL, state text NOT NULL,
    started float8, finished float8, worker text, result bytea, error bytea, note text NOT NULL DEFAULT '',
    PRIMARY KEY (id, token)
);

CREATE TABLE {schema}.annotations (
    n bigint GENERATED ALWAYS AS IDENTITY, id text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL,
    data bytea NOT NULL, PRIMARY KEY (id, kind, n)
);

CREATE TABLE {schema}.queues (name text COLLATE "C" PRIMARY KEY, paused boolean NOT NULL DEFAULT false);

-- A line is a queue with a priority that was ever sent to: where claims look.
CREATE TABLE {schema}.lines (
    queue text COLLATE "C" NOT NULL, priority smallint NOT NULL, PRIMARY KEY (queue, priority)
);

-- How many jobs of a queue ended in a state, as sums to be added up: a row for each step, since one row for
-- all would make every settle wait for the one before; `sweep` adds them up.
CREATE TABLE {schema}.ended (queue text COLLATE "C" NOT NULL, state text NOT NULL, n bigint NOT NULL);

-- Grows whenever something older than the last push may have come back to a line. It is read and written
-- without regard to transactions: a hint.
CREATE SEQUENCE {schema}.returned;
SELECT nextval('{schema}.returned'); -- the first one does not show

-- A retired worker stays as a tombstone for a day, so that a late beat does not revive it.
CREATE TABLE {schema}.workers (
    id text COLLATE "C" PRIMARY KEY, report bytea NOT NULL, retired float8, ordered text NOT NULL DEFAULT ''
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 200);

-- The fence of a lock outlives its holders: it only grows.
CREATE TABLE {schema}.locks (name text COLLATE "C" PRIMARY KEY, fence bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE {schema}.holders (
    name text COLLATE "C" NOT NULL, owner text COLLATE "C" NOT NULL, fence bigint NOT NULL,
    worker text COLLATE "C" NOT NULL, until float8, PRIMARY KEY (name, owner)
) WITH (fillfactor = 50);
CREATE INDEX holders_of ON {schema}.holders (worker) WHERE worker <> '';

-- When a bucket of tokens will be full again (generic cell rate algorithm).
CREATE TABLE {schema}.buckets (name text COLLATE "C" PRIMARY KEY, full_at float8 NOT NULL) WITH (fillfactor = 50);

CREATE TABLE {schema}.barriers (
    name text COLLATE "C" PRIMARY KEY, n integer NOT NULL, last float8 NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE {schema}.arrivals (
    barrier text COLLATE "C" NOT NULL, member text COLLATE "C" NOT NULL, PRIMARY KEY (barrier, member)
);

CREATE TABLE {schema}.schedules (
    name text COLLATE "C" PRIMARY KEY, next_due float8, enabled boolean NOT NULL, data bytea NOT NULL
);
