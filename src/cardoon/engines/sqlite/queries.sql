-- name: push
-- An id that is known already changes nothing.
INSERT INTO jobs (id, task, queue, priority, state, created, due, expires, parent, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING;

-- name: know_queue
INSERT INTO queues (name) VALUES (?) ON CONFLICT DO NOTHING;

-- name: open_queues
SELECT name FROM queues WHERE NOT paused;

-- name: all_queues
SELECT name, paused FROM queues ORDER BY name;

-- name: pause
INSERT INTO queues (name, paused) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET paused = ?2;

-- name: oldest
-- A job that had to fall due waits since then.
SELECT min(since) FROM (
    SELECT max(created, coalesce(due, created)) AS since FROM jobs
    WHERE state = 'ready' AND queue = ? ORDER BY priority, seq LIMIT 1000
);

-- name: promote
UPDATE jobs SET state = 'ready' WHERE state IN ('delayed', 'retrying') AND due <= ?;

-- name: next_due
-- Below the bound are all numbers and no text that somebody wrote there by hand.
SELECT min(due) FROM jobs WHERE state IN ('delayed', 'retrying') AND due < 9e99;

-- name: expire
UPDATE jobs SET state = 'expired', finished = ?1, token = token + 1, note = 'not started before it expired'
WHERE expires IS NOT NULL AND state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying') AND expires <= ?1
RETURNING queue;

-- name: next_expiry
SELECT min(expires) FROM jobs
WHERE expires IS NOT NULL AND state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying') AND expires < 9e99;

-- name: candidates
-- The head of one queue, in order, without the suspects.
SELECT priority, seq FROM jobs WHERE state = 'ready' AND queue = ?1 AND NOT suspect
ORDER BY priority, seq LIMIT ?2;

-- name: suspect
-- The oldest one of a queue: it had its turn once already, so it waits for no other.
SELECT seq FROM jobs WHERE state = 'ready' AND suspect AND queue = ? ORDER BY seq LIMIT 1;

-- name: take
UPDATE jobs SET state = 'running', worker = ?1, started = ?2, token = token + 1, attempt = attempt + 1
WHERE seq IN (SELECT value FROM json_each(?3))
RETURNING seq, id, body, token, attempt, retries, crashes, suspect, started;

-- name: park
UPDATE jobs SET state = 'parked', note = ?2, worker = NULL, attempt = attempt - 1 WHERE seq = ?1;

-- name: unpark
UPDATE jobs SET state = 'ready', note = '' WHERE state = 'parked' AND task = ? AND state IN ('parked', 'blocked');

-- name: end
-- The fence: only the attempt whose token is current, and only once. The start belongs to it, since
-- after the newest job was deleted its number comes again, perhaps with the same id.
UPDATE jobs SET state = ?, result = ?, error = ?, note = ?, started = coalesce(?, started), finished = ?
WHERE seq = ? AND id = ? AND token = ? AND started = ? AND state = 'running';

-- name: ended_so
SELECT 1 FROM jobs
WHERE seq = ? AND id = ? AND token = ? AND started = ?
    AND state = ? AND result IS ? AND error IS ? AND note = ?;

-- name: left_so
-- Waiting, as this attempt left it (one that is on no record was given back), or cancelled at that moment.
SELECT 1 FROM jobs j WHERE seq = ?1 AND id = ?2 AND token = ?3 AND started = ?4 AND (
    state = 'cancelled' AND cancel > 0
    OR state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying')
    AND coalesce((SELECT a.state FROM attempts a WHERE a.id = j.id AND a.token = j.token), 'ready') = ?5
);

-- name: wait_again
-- Back to waiting, or cancelled if that was asked meanwhile, and then what was to change does not;
-- the uncharged attempt did not happen.
UPDATE jobs SET
    state = CASE WHEN cancel THEN 'cancelled' ELSE :state END,
    finished = CASE WHEN cancel THEN :now END,
    attempt = attempt - :uncharged,
    due = CASE WHEN :state = 'retrying' AND NOT cancel THEN :due ELSE due END,
    retries = retries + (:state = 'retrying' AND NOT cancel),
    crashes = CASE WHEN :state = 'retrying' AND NOT cancel THEN 0 ELSE crashes END,
    suspect = CASE WHEN :state = 'retrying' AND NOT cancel THEN 0 ELSE suspect END,
    body = CASE WHEN cancel THEN body ELSE coalesce(:body, body) END,
    queue = CASE WHEN cancel THEN queue ELSE coalesce(:queue, queue) END,
    priority = CASE WHEN cancel THEN priority ELSE coalesce(:priority, priority) END,
    note = :note, error = :error, worker = NULL
WHERE seq = :seq AND id = :id AND token = :token AND started = :claimed AND state = 'running'
RETURNING state;

-- name: record_attempt
INSERT OR REPLACE INTO attempts (id, token, attempt, state, started, finished, worker, error, note)
SELECT id, token, ?2, ?3, started, ?4, ?5, ?6, ?7 FROM jobs WHERE id = ?1;

-- name: attempts
SELECT a.id, j.task, j.queue, j.priority, a.state, a.token, a.attempt, a.started, a.finished, a.worker, a.result,
    a.error, a.note
FROM attempts a JOIN jobs j ON j.id = a.id WHERE a.id = ? ORDER BY a.token;

-- name: tally
INSERT INTO ended (queue, state, n) VALUES (?1, ?2, ?3) ON CONFLICT (queue, state) DO UPDATE SET n = n + ?3;

-- name: cancel
UPDATE jobs SET state = 'cancelled', finished = ?2, token = token + 1
WHERE id = ?1 AND state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying') RETURNING queue;

-- name: mark_cancel
UPDATE jobs SET cancel = max(cancel, ?2) WHERE id = ?1 AND state = 'running';

-- name: to_end
-- As many rows are looked at as these workers run; an index of its own would cost each claim and settle.
SELECT worker, id FROM jobs
WHERE state = 'running' AND worker IN (SELECT value FROM json_each(?)) AND cancel = 2 ORDER BY seq;

-- name: has_ended
-- What can be replayed.
SELECT body FROM jobs WHERE id = ? AND (finished IS NOT NULL OR state = 'parked');

-- name: keep_end
-- A parked attempt is on record already.
INSERT OR IGNORE INTO attempts (id, token, attempt, state, started, finished, worker, result, error, note)
SELECT id, token, attempt, state, started, finished, worker, result, error, note FROM jobs WHERE id = ?;

-- name: begin_afresh
UPDATE jobs SET state = 'ready', token = token + 1, retries = 0, crashes = 0, suspect = 0, cancel = 0, worker = NULL,
    due = ?2, expires = NULL, started = NULL, finished = NULL, body = ?3, result = NULL, progress = NULL,
    error = NULL, note = ''
WHERE id = ?1;

-- name: delete
DELETE FROM jobs WHERE id = ? AND state <> 'running';

-- name: state_of
SELECT state FROM jobs WHERE id = ?;

-- name: purge
UPDATE jobs SET state = 'cancelled', finished = ?2, token = token + 1, note = 'purged'
WHERE seq IN (
    SELECT seq FROM jobs WHERE state = 'ready' AND queue = ?1
    UNION ALL SELECT seq FROM jobs WHERE state IN ('delayed', 'retrying') AND queue = ?1
    UNION ALL SELECT seq FROM jobs WHERE state IN ('parked', 'blocked') AND queue = ?1
);

-- name: count_ready
SELECT queue, state, count(*) FROM jobs WHERE state = 'ready' GROUP BY queue;

-- name: count_due
SELECT queue, state, count(*) FROM jobs WHERE state IN ('delayed', 'retrying') GROUP BY queue, state;

-- name: count_running
SELECT queue, state, count(*) FROM jobs WHERE state = 'running' GROUP BY queue;

-- name: count_parked
SELECT queue, state, count(*) FROM jobs WHERE state IN ('parked', 'blocked') GROUP BY queue, state;

-- name: count_ended
SELECT queue, state, n FROM ended;

-- name: beat
-- The order that the worker has; no row for one that was retired.
INSERT INTO workers (id, report) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET report = ?2 WHERE retired IS NULL
RETURNING ordered;

-- name: order
UPDATE workers SET ordered = ?2 WHERE id = ?1 AND retired IS NULL;

-- name: meet
-- A worker that claims before its first beat is known from then on, so that its death is noticed.
INSERT INTO workers (id, report) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: worker
SELECT retired FROM workers WHERE id = ?;

-- name: workers
SELECT id, report FROM workers WHERE retired IS NULL ORDER BY id;

-- name: retire
UPDATE workers SET retired = ?2 WHERE id = ?1 AND retired IS NULL;

-- name: bury
INSERT INTO workers (id, report, retired) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING;

-- name: forget_workers
DELETE FROM workers WHERE retired < ?;

-- name: held
-- What a worker has in its hands.
SELECT seq, id, body, token, attempt, retries, crashes, suspect, started FROM jobs
WHERE state = 'running' AND worker = ? ORDER BY seq;

-- name: lost
SELECT seq, id, queue, attempt, crashes, suspect, cancel FROM jobs WHERE state = 'running' AND worker = ?;

-- name: body
SELECT body FROM jobs WHERE seq = ?;

-- name: give_back
-- The token grows, so that what the old attempt still writes is refused.
UPDATE jobs SET state = ?2, token = token + 1, attempt = attempt - ?3, crashes = ?4, suspect = ?5, worker = NULL,
    finished = ?6, note = ?7, error = ?8
WHERE seq = ?1;

-- name: next_window
SELECT max(seq) FROM (SELECT seq FROM jobs WHERE seq > ? ORDER BY seq LIMIT ?);

-- name: old
SELECT id FROM jobs WHERE seq > ? AND seq <= ? AND finished < ?;

-- name: forget
-- Unless it was replayed, or sent anew, since it was seen to be old.
DELETE FROM jobs WHERE id = ? AND finished < ?;

-- name: forget_attempts
DELETE FROM attempts WHERE id = ?;

-- name: forget_annotations
DELETE FROM annotations WHERE id = ?;

-- name: annotate_progress
UPDATE jobs SET progress = ? WHERE seq = ? AND id = ? AND token = ? AND started = ? AND state = 'running';

-- name: owns
SELECT 1 FROM jobs WHERE seq = ? AND id = ? AND token = ? AND started = ? AND state = 'running';

-- name: annotate
INSERT INTO annotations (id, kind, data) VALUES (?, ?, ?);

-- name: annotations
SELECT data FROM annotations WHERE id = ? AND kind = ? ORDER BY n;

-- name: forget_holders
DELETE FROM holders WHERE name = ?1 AND until IS NOT NULL AND until <= ?2;

-- name: holder
SELECT fence FROM holders WHERE name = ? AND owner = ?;

-- name: holders
SELECT count(*) FROM holders WHERE name = ?;

-- name: next_fence
INSERT INTO locks (name, fence) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET fence = fence + 1 RETURNING fence;

-- name: hold
INSERT INTO holders (name, owner, fence, worker, until) VALUES (?, ?, ?, ?, ?);

-- name: renew
UPDATE holders SET until = ?3 WHERE name = ?1 AND owner = ?2;

-- name: release
DELETE FROM holders WHERE name = ? AND owner = ?;

-- name: release_worker
DELETE FROM holders WHERE worker = ?;

-- name: bucket
SELECT full_at FROM buckets WHERE name = ?;

-- name: fill
INSERT INTO buckets (name, full_at) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET full_at = ?2;

-- name: arrive
INSERT INTO arrivals (barrier, member) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: arrived
SELECT count(*) FROM arrivals WHERE barrier = ?;

-- name: save_schedule
INSERT INTO schedules (name, next_due, enabled, data) VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET next_due = excluded.next_due, enabled = excluded.enabled, data = excluded.data;

-- name: seed_schedule
INSERT INTO schedules (name, next_due, enabled, data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: schedules
SELECT name, next_due, enabled, data FROM schedules ORDER BY name;

-- name: drop_schedule
DELETE FROM schedules WHERE name = ?;

-- name: move_schedule
UPDATE schedules SET next_due = ?3 WHERE name = ?1 AND enabled AND next_due = ?2;
