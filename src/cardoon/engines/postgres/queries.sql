-- name: tell
SELECT {schema}.tell(%s, %s, %s);

-- name: push
SELECT * FROM {schema}.push(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: push_one
-- An insert waits for a settle that is moving the same id; only then is asked whether that job can have ended, which
-- is hardly ever so.
INSERT INTO {schema}.jobs (id, task, queue, priority, state, created, parent, body)
VALUES ($1, $2, $3, $4, 'ready', date_part('epoch', clock_timestamp()) + $5::float8, $6, $7)
RETURNING CASE WHEN $8::bigint <= pg_sequence_last_value('{schema}.ended_until') THEN {schema}.refuse_ended(id, $8) END;

-- name: push_and_tell
-- The same, and whether a notice was sent.
INSERT INTO {schema}.jobs (id, task, queue, priority, state, created, parent, body)
VALUES ($1, $2, $3, $4, 'ready', date_part('epoch', clock_timestamp()) + $5::float8, $6, $7)
RETURNING
    CASE WHEN $8::bigint <= pg_sequence_last_value('{schema}.ended_until') THEN {schema}.refuse_ended(id, $8) END,
    {schema}.tell($10, 1, $9);

-- name: store
SELECT {schema}.store(%s, %s, %s, %s, %s, %s, %s, %s, %s, true, date_part('epoch', clock_timestamp()) + %s, -1);

-- name: know
SELECT {schema}.know(%s, %s);

-- name: exchange
SELECT * FROM {schema}.exchange(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
    %s, %s, %s);

-- name: claim
-- Without ends, as an idle worker does it: each value costs as it is sent.
SELECT * FROM {schema}.exchange(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, %s, %s, %s, %s, %s, %s, %s,
    %s, %s, %s, %s, %s);

-- name: exchange_all
-- The limit is written so that it needs the answer of the first function, which therefore runs first.
WITH settled AS MATERIALIZED (
    SELECT {schema}.settle_others(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
        %s, %s, %s, %s, %s, %s, %s, %s, %s) AS refused
)
SELECT settled.refused, e.* FROM settled LEFT JOIN LATERAL {schema}.exchange(%s, %s, %s, %s, %s, %s, %s, %s, %s,
    %s, %s, %s, cardinality(settled.refused) * 0 + %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) AS e ON true;

-- name: look
SELECT * FROM {schema}.look(%s, %s, %s, %s, %s, %s, %s, %s);

-- name: park
UPDATE {schema}.jobs SET state = 'parked', note = %s, worker = NULL, attempt = attempt - 1
WHERE seq = %s AND token = %s AND state = 'running';

-- name: returned
SELECT nextval('{schema}.returned');

-- name: cancel
SELECT * FROM {schema}.cancel(%s, %s, %s, %s, %s);

-- name: ended_bodies
SELECT id, body FROM {schema}.history WHERE id = ANY(%s);

-- name: parked_bodies
SELECT id, body FROM {schema}.jobs WHERE id = ANY(%s) AND state = 'parked' FOR UPDATE;

-- name: keep_end
-- A parked attempt is on record already.
INSERT INTO {schema}.attempts (id, token, attempt, state, started, finished, worker, result, error, note)
SELECT id, token, attempt, state, started, finished, worker, result, error, note
FROM {schema}.history WHERE id = ANY(%s) ON CONFLICT DO NOTHING;

-- name: leave_history
-- Whoever begins afresh leaves history; another that does the same at this moment finds nothing left.
WITH gone AS (
    DELETE FROM {schema}.history h USING unnest(%s, %s) AS m(id, body) WHERE h.id = m.id
    RETURNING h.seq, h.created, h.token, h.attempt, h.priority, h.queue, h.id, h.task, h.parent, m.body
)
INSERT INTO {schema}.jobs (seq, created, due, token, attempt, priority, state, queue, id, task, parent, body)
SELECT seq, created, date_part('epoch', clock_timestamp()) + %s, token + 1, attempt, priority, 'ready', queue, id, task,
    parent, body
FROM gone RETURNING id;

-- name: unpark_afresh
UPDATE {schema}.jobs j SET state = 'ready', token = j.token + 1, retries = 0, crashes = 0, suspect = false, cancel = 0,
    worker = NULL, due = date_part('epoch', clock_timestamp()) + %s, expires = NULL, started = NULL, body = m.body,
    progress = NULL, error = NULL, note = ''
FROM unnest(%s, %s) AS m(id, body) WHERE j.id = m.id AND j.state = 'parked' RETURNING j.id;

-- name: delete_open
DELETE FROM {schema}.jobs WHERE id = ANY(%s) AND state <> 'running' RETURNING id;

-- name: delete_ended
DELETE FROM {schema}.history WHERE id = ANY(%s) RETURNING id;

-- name: forget_attempts
DELETE FROM {schema}.attempts WHERE id = ANY(%s);

-- name: forget_annotations
DELETE FROM {schema}.annotations WHERE id = ANY(%s);

-- name: unpark
UPDATE {schema}.jobs SET state = 'ready', note = '' WHERE state = 'parked' AND task = ANY(%s);

-- name: to_purge
SELECT seq FROM {schema}.jobs
WHERE queue = %s AND state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying') AND seq <= %s
LIMIT %s FOR UPDATE SKIP LOCKED;

-- name: newest
SELECT last_value FROM {schema}.jobs_seq;

-- name: bury
SELECT {schema}.bury(%s, %s, %s, %s, date_part('epoch', clock_timestamp()) + %s);

-- name: pause
INSERT INTO {schema}.queues (name, paused) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET paused = excluded.paused;

-- name: count
SELECT queue, state, count(*) FROM {schema}.jobs WHERE %s::text[] IS NULL OR queue = ANY(%s) GROUP BY queue, state
UNION ALL
SELECT queue, state, sum(n)::bigint FROM {schema}.ended WHERE %s::text[] IS NULL OR queue = ANY(%s)
GROUP BY queue, state;

-- name: queues
-- A job that had to fall due waits since then.
SELECT q.name, q.paused, (
    SELECT min(waits.since) FROM {schema}.lines l CROSS JOIN LATERAL (
        SELECT greatest(j.created, j.due) AS since FROM {schema}.jobs j
        WHERE j.state = 'ready' AND NOT j.suspect AND j.queue = l.queue AND j.priority = l.priority
        ORDER BY j.seq LIMIT 100
    ) AS waits WHERE l.queue = q.name
) FROM {schema}.queues q ORDER BY q.name;

-- name: held
SELECT seq, id, body, token, attempt, retries, crashes, suspect, started FROM {schema}.jobs
WHERE state = 'running' AND worker = %s ORDER BY seq;

-- name: has_suspects
SELECT EXISTS (
    SELECT FROM {schema}.jobs j JOIN {schema}.queues q ON q.name = j.queue
    WHERE j.state = 'ready' AND j.suspect AND NOT q.paused AND (%s::text[] IS NULL OR j.queue = ANY(%s))
);

-- name: beat
-- The order that the worker has, and what it is to end; no row for one that was retired.
INSERT INTO {schema}.workers AS w (id, report)
SELECT * FROM unnest(%s::text[], %s::bytea[]) AS r(id, report) ORDER BY 1
ON CONFLICT (id) DO UPDATE SET report = excluded.report WHERE w.retired IS NULL
RETURNING w.id, w.ordered, ARRAY(
    SELECT j.id FROM {schema}.jobs j WHERE j.state = 'running' AND j.worker = w.id AND j.cancel = 2 ORDER BY j.seq
);

-- name: order
UPDATE {schema}.workers SET ordered = %s WHERE id = %s AND retired IS NULL;

-- name: workers
SELECT id, report FROM {schema}.workers WHERE retired IS NULL ORDER BY id;

-- name: take_worker
SELECT FROM {schema}.workers WHERE id = %s AND retired IS NULL FOR UPDATE SKIP LOCKED;

-- name: retire
-- No row where it was retired before. Claims of this worker wait for this, and get nothing after it.
INSERT INTO {schema}.workers AS w (id, report, retired)
VALUES (%s, %s, date_part('epoch', clock_timestamp()) + %s)
ON CONFLICT (id) DO UPDATE SET retired = excluded.retired WHERE w.retired IS NULL RETURNING w.retired;

-- name: release_worker
DELETE FROM {schema}.holders WHERE worker = %s;

-- name: lost
SELECT seq, id, attempt, crashes, suspect, cancel, body FROM {schema}.jobs
WHERE state = 'running' AND worker = %s ORDER BY seq FOR UPDATE;

-- name: record_crash
INSERT INTO {schema}.attempts (id, token, attempt, state, started, finished, worker, error, note)
SELECT id, token, attempt, 'ready', started, date_part('epoch', clock_timestamp()) + %s, worker, %s, %s
FROM {schema}.jobs WHERE state = 'running' AND worker = %s
ON CONFLICT DO NOTHING;

-- name: give_back
-- The token grows, so that what the old attempt still writes is refused.
UPDATE {schema}.jobs j SET state = 'ready', token = j.token + 1, attempt = j.attempt - %s, suspect = j.suspect OR %s,
    worker = NULL, crashes = g.crashes, note = g.note, error = g.error
FROM unnest(%s::bigint[], %s::integer[], %s::text[], %s::bytea[]) AS g(seq, crashes, note, error) WHERE j.seq = g.seq;

-- name: sweep_look
-- With the notices to those who sleep, in one statement: a worker at rest makes this call once a second.
SELECT fall.due, fall.expired,
    CASE WHEN fall.due > 0 THEN {schema}.tell(%s::integer, 1, 'r') END,
    CASE WHEN fall.expired > 0 THEN {schema}.tell(%s::integer, 2, 'd') END
FROM {schema}.fall_due('-infinity', date_part('epoch', clock_timestamp()) + %s::float8) AS fall;

-- name: forget_workers
DELETE FROM {schema}.workers WHERE retired < date_part('epoch', clock_timestamp()) + %s;

-- name: add_up
WITH gone AS (DELETE FROM {schema}.ended RETURNING queue, state, n)
INSERT INTO {schema}.ended (queue, state, n) SELECT queue, state, sum(n) FROM gone GROUP BY queue, state;

-- name: many_sums
SELECT count(*) FROM (SELECT FROM {schema}.ended LIMIT 1000) AS sums;

-- name: server_now
SELECT date_part('epoch', clock_timestamp()) + %s;

-- name: make_bucket
SELECT {schema}.make_bucket(%s, %s);

-- name: old_buckets
SELECT name FROM {schema}.old_buckets(%s);

-- name: forget_of_bucket
-- What is kept beside the jobs of a bucket goes first, in steps.
WITH ids AS (
    SELECT DISTINCT x.id FROM (
        SELECT id FROM {schema}.attempts UNION ALL SELECT id FROM {schema}.annotations
    ) AS x WHERE EXISTS (SELECT FROM {schema}.history h WHERE h.id = x.id AND h.finished < %s) LIMIT 5000
), gone AS (DELETE FROM {schema}.attempts a USING ids WHERE a.id = ids.id)
DELETE FROM {schema}.annotations a USING ids WHERE a.id = ids.id;

-- name: drop_bucket
SELECT {schema}.drop_bucket(%s, %s);

-- name: old_rows
SELECT id FROM {schema}.history WHERE finished < %s LIMIT 1000;

-- name: old_other_rows
SELECT id FROM {schema}.history_other WHERE finished < %s LIMIT 1000;

-- name: forget
-- Unless it was replayed, or sent anew, since it was seen to be old.
DELETE FROM {schema}.history WHERE id = ANY(%s) AND finished < %s RETURNING id;

-- name: forget_barriers
WITH gone AS (DELETE FROM {schema}.barriers WHERE last < %s RETURNING name)
DELETE FROM {schema}.arrivals a USING gone WHERE a.barrier = gone.name;

-- name: result
SELECT {open} FROM {schema}.jobs WHERE id = %s UNION ALL SELECT {ended} FROM {schema}.history WHERE id = %s;

-- name: ended_among
SELECT {ended} FROM {schema}.history WHERE id = ANY(%s) AND finished >= %s;

-- name: annotate_progress
UPDATE {schema}.jobs SET progress = %s WHERE seq = %s AND id = %s AND token = %s AND state = 'running';

-- name: annotate
WITH owned AS (
    SELECT id FROM {schema}.jobs WHERE seq = %s AND id = %s AND token = %s AND state = 'running' FOR SHARE
)
INSERT INTO {schema}.annotations (id, kind, data) SELECT id, %s, %s FROM owned;

-- name: owns
SELECT 1 FROM {schema}.jobs WHERE seq = %s AND id = %s AND token = %s AND state = 'running';

-- name: progress
SELECT progress FROM {schema}.jobs WHERE id = %s AND progress IS NOT NULL
UNION ALL SELECT progress FROM {schema}.history WHERE id = %s AND progress IS NOT NULL;

-- name: annotations
SELECT data FROM {schema}.annotations WHERE id = %s AND kind = %s ORDER BY n;

-- name: attempts
SELECT a.id, j.task, j.queue, j.priority, a.state, a.token, a.attempt, a.started, a.finished, a.worker, a.result,
    a.error, a.note
FROM {schema}.attempts a JOIN (
    SELECT id, task, queue, priority FROM {schema}.jobs WHERE id = %s
    UNION ALL SELECT id, task, queue, priority FROM {schema}.history WHERE id = %s
) AS j ON j.id = a.id ORDER BY a.token;

-- name: acquire
SELECT {schema}.acquire(%s, %s, %s, %s, %s, %s, %s);

-- name: renew
UPDATE {schema}.holders SET until = date_part('epoch', clock_timestamp()) + %s + %s
WHERE name = %s AND owner = %s AND (until IS NULL OR until > date_part('epoch', clock_timestamp()) + %s);

-- name: release
DELETE FROM {schema}.holders
WHERE name = %s AND owner = %s AND (until IS NULL OR until > date_part('epoch', clock_timestamp()) + %s);

-- name: take
SELECT {schema}.take(%s, %s, %s, %s, %s);

-- name: arrive
SELECT {schema}.arrive(%s, %s, %s, %s, %s);

-- name: save_schedule
INSERT INTO {schema}.schedules (name, next_due, enabled, data) VALUES (%s, %s, %s, %s)
ON CONFLICT (name) DO UPDATE SET next_due = excluded.next_due, enabled = excluded.enabled, data = excluded.data;

-- name: seed_schedule
INSERT INTO {schema}.schedules (name, next_due, enabled, data) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING;

-- name: schedules
SELECT name, next_due, enabled, data FROM {schema}.schedules ORDER BY name;

-- name: drop_schedule
DELETE FROM {schema}.schedules WHERE name = %s;

-- name: move_schedule
UPDATE {schema}.schedules SET next_due = %s WHERE name = %s AND enabled AND next_due = %s;

-- name: table
SELECT '{schema}.jobs'::regclass::oid::bigint;

-- name: settings
SELECT name, setting FROM pg_settings
WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit', 'default_transaction_isolation');

-- name: oldest_snapshot
SELECT pid, extract(epoch FROM clock_timestamp() - xact_start)::integer FROM pg_stat_activity
WHERE backend_xmin IS NOT NULL AND pid <> pg_backend_pid() AND xact_start < clock_timestamp() - interval '5 minutes'
ORDER BY xact_start LIMIT 1;
