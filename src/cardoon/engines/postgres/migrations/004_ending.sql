-- The ends that `exchange` does not know: with follow-ups, with lines of a log, and those after which a job
-- waits again. The claims that were refused, by `seq`.
CREATE FUNCTION {schema}.settle_others(
    _seqs bigint[], _ids text[], _tokens integer[], _states text[], _results bytea[], _errors bytea[],
    _notes text[], _starts float8[], _dues float8[], _uncharged integer[], _bodies bytea[], _queues text[],
    _priorities smallint[],
    _log_of integer[], _logs bytea[],
    _follow_of integer[], _follow_ids text[], _follow_tasks text[], _follow_queues text[],
    _follow_priorities smallint[], _follow_dues float8[], _follow_expires float8[], _follow_parents text[],
    _follow_bodies bytea[], _since float8,
    _place integer, _durable boolean, _shift float8
) RETURNS bigint[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
    _now float8 := date_part('epoch', clock_timestamp()) + _shift;
    _refused bigint[] := '{}';
    _applied integer[] := '{}';
    _f record;
BEGIN
    PERFORM {schema}.commit_as(_durable);
    FOR _i IN 1 .. cardinality(_seqs) LOOP
        IF {schema}.settle_one(_seqs[_i], _ids[_i], _tokens[_i], _states[_i], _results[_i], _errors[_i], _notes[_i],
                _starts[_i], _dues[_i], _uncharged[_i], _bodies[_i], _queues[_i], _priorities[_i], _now) THEN
            _applied := _applied || _i;
        ELSIF NOT {schema}.settled_so(_seqs[_i], _ids[_i], _tokens[_i], _states[_i], _results[_i], _errors[_i],
                _notes[_i], _starts[_i]) THEN
            _refused := _refused || _seqs[_i];
        END IF;
    END LOOP;
    INSERT INTO {schema}.annotations (id, kind, data)
    SELECT _ids[l.of], 'log', l.data FROM unnest(_log_of, _logs) WITH ORDINALITY AS l(of, data, place)
    WHERE l.of = ANY(_applied) ORDER BY l.place;
    SELECT array_agg(id) AS ids, array_agg(task) AS tasks, array_agg(queue) AS queues,
        array_agg(priority) AS priorities, array_agg(due) AS dues, array_agg(expires) AS expires,
        array_agg(parent) AS parents, array_agg(body) AS bodies
    INTO _f
    FROM unnest(_follow_of, _follow_ids, _follow_tasks, _follow_queues, _follow_priorities, _follow_dues,
        _follow_expires, _follow_parents, _follow_bodies)
        AS f(of, id, task, queue, priority, due, expires, parent, body)
    WHERE f.of = ANY(_applied);
    IF _f.ids IS NOT NULL THEN
        PERFORM {schema}.know(_f.queues, _f.priorities);
        PERFORM {schema}.store(_f.ids, _f.tasks, _f.queues, _f.priorities, _f.dues, _f.expires, _f.parents, _f.bodies,
            _since, true, _now, -1);
    END IF;
    IF cardinality(_applied) > 0 THEN
        PERFORM {schema}.tell(_place, 1, 'r');
        PERFORM {schema}.tell(_place, 2, 'd');
    END IF;
    RETURN _refused;
END $$;

-- Write one end, if its attempt still owns the job.
CREATE FUNCTION {schema}.settle_one(
    _seq bigint, _id text, _token integer, _state text, _result bytea, _error bytea, _note text, _start float8,
    _due float8, _uncharged integer, _body bytea, _queue text, _priority smallint, _now float8
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    _job record;
BEGIN
    SELECT j.cancel, j.queue, j.started, j.attempt, j.worker INTO _job FROM {schema}.jobs j
    WHERE j.seq = _seq AND j.id = _id AND j.token = _token AND j.state = 'running' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF _state NOT IN ('delayed', 'ready', 'blocked', 'parked', 'retrying') THEN
        UPDATE {schema}.jobs j SET error = _error, started = coalesce(_start, j.started) WHERE j.seq = _seq;
        PERFORM {schema}.bury(ARRAY[_seq], _state, _note, 0, _now);
        IF _result IS NOT NULL THEN
            UPDATE {schema}.history h SET result = _result WHERE h.seq = _seq AND h.finished = _now;
        END IF;
        RETURN true;
    END IF;
    IF _job.cancel > 0 THEN
        UPDATE {schema}.jobs j SET attempt = j.attempt - _uncharged, error = _error, worker = NULL WHERE j.seq = _seq;
        PERFORM {schema}.bury(ARRAY[_seq], 'cancelled', _note, 0, _now);
        RETURN true;
    END IF;
    IF _state <> 'ready' THEN
        INSERT INTO {schema}.attempts (id, token, attempt, state, started, finished, worker, error, note)
        VALUES (_id, _token, _job.attempt, _state, _job.started, _now, _job.worker, _error, _note)
        ON CONFLICT (id, token) DO UPDATE SET attempt = excluded.attempt, state = excluded.state,
            started = excluded.started, finished = excluded.finished, worker = excluded.worker,
            error = excluded.error, note = excluded.note;
    END IF;
    IF _queue IS NOT NULL THEN
        PERFORM {schema}.know(ARRAY[_queue], ARRAY[_priority]);
    END IF;
    UPDATE {schema}.jobs j SET
        state = _state,
        attempt = j.attempt - _uncharged,
        due = CASE WHEN _state = 'retrying' THEN _due ELSE j.due END,
        retries = j.retries + (_state = 'retrying')::integer,
        crashes = CASE WHEN _state = 'retrying' THEN 0 ELSE j.crashes END,
        suspect = CASE WHEN _state = 'retrying' THEN false ELSE j.suspect END,
        body = coalesce(_body, j.body), queue = coalesce(_queue, j.queue), priority = coalesce(_priority, j.priority),
        note = _note, error = _error, worker = NULL
    WHERE j.seq = _seq;
    PERFORM nextval('{schema}.returned');
    RETURN true;
END $$;

-- Whether this very end was written already, and nobody moved the job on: then its caller repeats it, since
-- the answer was lost. An attempt that is on no record was given back.
CREATE FUNCTION {schema}.settled_so(
    _seq bigint, _id text, _token integer, _state text, _result bytea, _error bytea, _note text, _start float8
) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF _state NOT IN ('delayed', 'ready', 'blocked', 'parked', 'retrying') THEN
        RETURN EXISTS (
            SELECT FROM {schema}.history h
            WHERE h.seq = _seq AND h.id = _id AND h.token = _token AND h.state = _state
                AND h.result IS NOT DISTINCT FROM _result AND h.error IS NOT DISTINCT FROM _error AND h.note = _note
                AND (_start IS NULL OR h.started = _start)
        );
    END IF;
    RETURN EXISTS (
        SELECT FROM {schema}.history h
        WHERE h.seq = _seq AND h.id = _id AND h.token = _token AND h.state = 'cancelled' AND h.cancel > 0
    ) OR EXISTS (
        SELECT FROM {schema}.jobs j
        WHERE j.seq = _seq AND j.id = _id AND j.token = _token
            AND j.state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying')
            AND coalesce((SELECT a.state FROM {schema}.attempts a WHERE a.id = j.id AND a.token = j.token), 'ready')
                = _state
    );
END $$;
