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
SELECT min(created) FROM (SELECT created FROM jobs WHERE state = 'ready' AND queue = ? ORDER BY priority, seq LIMIT 1000);

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
-- The head of one queue, in order; suspects only for who may take them.
SELECT priority, seq, suspect FROM jobs WHERE state = 'ready' AND queue = ?1 AND suspect <= ?3
ORDER BY priority, seq LIMIT ?2;

-- name: any_ready
SELECT 1 FROM jobs WHERE state = 'ready' AND queue = ? LIMIT 1;

-- name: take
UPDATE jobs SET state = 'running', worker = ?1, started = ?2, token = token + 1, attempt = attempt + 1
WHERE seq IN (SELECT value FROM json_each(?3))
RETURNING seq, id, body, token, attempt, retries, crashes, suspect, priority;

-- name: park
UPDATE jobs SET state = 'parked', note = ?2, worker = NULL, attempt = attempt - 1 WHERE seq = ?1;

-- name: unpark
UPDATE jobs SET state = 'ready', note = '' WHERE state = 'parked' AND task = ? AND state IN ('parked', 'blocked');

-- name: end
-- The fence: only the attempt whose token is current, and only once.
UPDATE jobs SET state = ?, result = ?, error = ?, note = ?, started = coalesce(?, started), finished = ?
WHERE seq = ? AND id = ? AND token = ? AND state = 'running';

-- name: wait_again
-- Back to waiting, or cancelled if that was asked meanwhile; the uncharged attempt did not happen.
UPDATE jobs SET
    state = CASE WHEN cancel THEN 'cancelled' ELSE :state END,
    finished = CASE WHEN cancel THEN :now END,
    due = CASE WHEN :state = 'retrying' THEN :due ELSE due END,
    attempt = attempt - :uncharged,
    retries = retries + (:state = 'retrying'),
    crashes = CASE WHEN :state = 'retrying' THEN 0 ELSE crashes END,
    suspect = CASE WHEN :state = 'retrying' THEN 0 ELSE suspect END,
    body = coalesce(:body, body),
    queue = coalesce(:queue, queue),
    priority = coalesce(:priority, priority),
    note = :note, error = :error, worker = NULL
WHERE seq = :seq AND id = :id AND token = :token AND state = 'running'
RETURNING state;

-- name: record_attempt
INSERT OR REPLACE INTO attempts (id, token, attempt, state, started, finished, worker, error, note)
SELECT id, token, ?2, ?3, started, ?4, ?5, ?6, ?7 FROM jobs WHERE id = ?1;

-- name: attempts
SELECT a.id, j.task, j.queue, j.priority, a.state, a.token, a.attempt, a.started, a.finished, a.worker, a.error, a.note
FROM attempts a JOIN jobs j ON j.id = a.id WHERE a.id = ? ORDER BY a.token;

-- name: tally
INSERT INTO ended (queue, state, n) VALUES (?1, ?2, ?3) ON CONFLICT (queue, state) DO UPDATE SET n = n + ?3;

-- name: cancel
UPDATE jobs SET state = 'cancelled', finished = ?2, token = token + 1
WHERE id = ?1 AND state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying') RETURNING queue;

-- name: mark_cancel
UPDATE jobs SET cancel = 1 WHERE id = ? AND state = 'running';

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
INSERT INTO workers (id, report) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET report = ?2 WHERE retired IS NULL;

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
SELECT seq, id, queue, attempt, crashes, suspect, cancel FROM jobs WHERE state = 'running' AND worker = ?;

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
DELETE FROM jobs WHERE id = ? AND finished IS NOT NULL;

-- name: forget_attempts
DELETE FROM attempts WHERE id = ?;

-- name: forget_annotations
DELETE FROM annotations WHERE id = ?;

-- name: annotate_progress
UPDATE jobs SET progress = ? WHERE seq = ? AND id = ? AND token = ? AND state = 'running';

-- name: owns
SELECT 1 FROM jobs WHERE seq = ? AND id = ? AND token = ? AND state = 'running';

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
