-- Move jobs to history, each in this state; the caller has their rows locked. How many.
CREATE FUNCTION {schema}.bury(_seqs bigint[], _state text, _note text, _bump integer, _now float8)
RETURNS bigint LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    _n bigint;
BEGIN
    PERFORM {schema}.will_end({schema}.order_of_newest(
        ARRAY(SELECT j.id FROM {schema}.jobs j WHERE j.seq = ANY(_seqs))
    ));
    WITH gone AS (
        DELETE FROM {schema}.jobs j WHERE j.seq = ANY(_seqs) RETURNING j.*
    ), kept AS (
        INSERT INTO {schema}.history (seq, created, due, expires, started, finished, token, attempt, retries, crashes,
            priority, cancel, state, queue, id, task, worker, parent, note, body, progress, error)
        SELECT seq, created, due, expires, started, _now, token + _bump, attempt, retries, crashes,
            priority, cancel, _state, queue, id, task, worker, parent, coalesce(_note, note), body, progress, error
        FROM gone RETURNING queue
    ), counted AS (
        INSERT INTO {schema}.ended (queue, state, n) SELECT queue, _state, count(*) FROM kept GROUP BY queue
    )
    SELECT count(*) INTO _n FROM kept;
    RETURN _n;
END $$;

-- Let come what is due, and end what expired; only what fell due since `_from` is looked for. What another
-- step has in its hands at this moment is left to it.
CREATE FUNCTION {schema}.fall_due(_from float8, _now float8, OUT due bigint, OUT expired bigint) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
    _tids tid[];
    _seqs bigint[];
BEGIN
    due := 0;
    expired := 0;
    _seqs := ARRAY(
        SELECT j.seq FROM {schema}.jobs j
        WHERE j.expires IS NOT NULL AND j.state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying')
            AND j.expires >= _from AND j.expires <= _now
        ORDER BY j.expires LIMIT 10000 FOR UPDATE SKIP LOCKED
    );
    IF cardinality(_seqs) > 0 THEN
        expired := {schema}.bury(_seqs, 'expired', 'not started before it expired', 1, _now);
    END IF;
    _tids := ARRAY(
        SELECT j.ctid FROM {schema}.jobs j
        WHERE j.state IN ('delayed', 'retrying') AND j.due >= _from AND j.due <= _now
        ORDER BY j.due LIMIT 10000 FOR UPDATE SKIP LOCKED
    );
    IF cardinality(_tids) > 0 THEN
        UPDATE {schema}.jobs j SET state = 'ready' WHERE j.ctid = ANY(_tids);
        GET DIAGNOSTICS due = ROW_COUNT;
        PERFORM nextval('{schema}.returned');
    END IF;
END $$;

-- Whether this worker is not retired; nobody can retire it until this transaction ends.
CREATE FUNCTION {schema}.may_claim(_worker text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM {schema}.workers w WHERE w.id = _worker AND w.retired IS NULL FOR SHARE;
    IF FOUND THEN
        RETURN true;
    END IF;
    -- One that claims before its first beat is known from then on, so that its death is noticed.
    INSERT INTO {schema}.workers (id, report)
    VALUES (_worker, convert_to('{"worker":' || to_json(_worker)::text || '}', 'UTF8')) ON CONFLICT DO NOTHING;
    PERFORM 1 FROM {schema}.workers w WHERE w.id = _worker AND w.retired IS NULL FOR SHARE;
    RETURN FOUND;
END $$;

-- The verb `exchange` for ends that are final and have nothing to follow. A line is its priority, a space, its queue. First a row for each end that was
-- refused (its `seq`, no body), then one for each claim, then one without an id: `seq` is how often something
-- returned, `suspect` whether the lines were looked at from their start, `started` the server's time, `due` when
-- the next job falls due.
CREATE FUNCTION {schema}.exchange(
    _seqs bigint[], _ids text[], _tokens integer[], _states text[], _results bytea[], _errors bytea[],
    _notes text[], _starts float8[], _until bigint, _news text,
    _worker text, _queues text[], _limit integer, _alone boolean,
    _lines text[], _line_bounds bigint[], _returned bigint, _full boolean,
    _from float8,
    _place integer, _durable boolean, _shift float8
) RETURNS TABLE (
    seq bigint, id text, body bytea, token integer, attempt integer, retries integer, crashes integer,
    suspect boolean, started float8, priority smallint, queue text, due float8
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    _now float8 := date_part('epoch', clock_timestamp()) + _shift;
    _applied bigint[];
    _tids tid[] := '{}';
    _left integer := _limit;
    _returns bigint;
    _next float8;
    _expires boolean;
    _has_suspects boolean;
    _names text[];
    _ranks smallint[];
    _bounds bigint[];
    _first integer := 1;
    _last integer;
BEGIN
    IF _durable IS NOT NULL THEN
        PERFORM {schema}.commit_as(_durable);
    END IF;
    IF _seqs IS NOT NULL THEN
        PERFORM {schema}.will_end(_until);
        WITH gone AS (
            DELETE FROM {schema}.jobs j
            USING unnest(_seqs, _ids, _tokens, _states, _results, _errors, _notes, _starts)
                AS e(seq, id, token, state, result, error, note, started)
            WHERE j.seq = e.seq AND j.token = e.token AND j.id = e.id AND j.state = 'running'
            RETURNING j.seq, j.created, j.due, j.expires, coalesce(e.started, j.started) AS started, j.token, j.attempt,
                j.retries, j.crashes, j.priority, j.cancel, e.state, j.queue, j.id, j.task, j.worker, j.parent, e.note,
                j.body, e.result, j.progress, e.error
        ), kept AS (
            INSERT INTO {schema}.history (seq, created, due, expires, started, finished, token, attempt, retries,
                crashes, priority, cancel, state, queue, id, task, worker, parent, note, body, result, progress, error)
            SELECT seq, created, due, expires, started, _now, token, attempt, retries, crashes, priority, cancel, state,
                queue, id, task, worker, parent, note, body, result, progress, error
            FROM gone RETURNING seq, queue, state
        ), counted AS (
            INSERT INTO {schema}.ended (queue, state, n) SELECT queue, state, count(*) FROM kept GROUP BY queue, state
        )
        SELECT array_agg(k.seq) INTO _applied FROM kept k;
        IF cardinality(_applied) IS DISTINCT FROM cardinality(_seqs) THEN
            -- The same end again (its answer was lost) is not refused.
            RETURN QUERY
                SELECT e.place, NULL::text, NULL::bytea, e.token, 0, 0, 0, false, 0::float8, 0::smallint, NULL::text,
                    NULL::float8
                FROM unnest(_seqs, _ids, _tokens, _states, _results, _errors, _notes, _starts) WITH ORDINALITY
                    AS e(seq, id, token, state, result, error, note, started, place)
                WHERE NOT EXISTS (
                    SELECT FROM {schema}.history h
                    WHERE h.seq = e.seq AND h.id = e.id AND h.token = e.token AND h.state = e.state
                        AND h.result IS NOT DISTINCT FROM e.result AND h.error IS NOT DISTINCT FROM e.error
                        AND h.note = e.note AND (e.started IS NULL OR h.started = e.started)
                );
        END IF;
        IF _applied IS NOT NULL THEN
            PERFORM {schema}.tell(_place, 2, _news);
        END IF;
    END IF;
    IF _limit > 0 THEN
        -- All that there is to know, in one statement: each costs as much as the claim of a job.
        SELECT r.last_value, _full OR r.last_value <> _returned,
            (
                SELECT j.due FROM {schema}.jobs j
                WHERE j.state IN ('delayed', 'retrying')
                    AND j.due >= CASE WHEN _full OR r.last_value <> _returned THEN '-infinity' ELSE _from END
                ORDER BY j.due LIMIT 1
            ),
            EXISTS (
                SELECT FROM {schema}.jobs j
                WHERE j.expires IS NOT NULL AND j.state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying')
                    AND j.expires <= _now
                    AND j.expires >= CASE WHEN _full OR r.last_value <> _returned THEN '-infinity' ELSE _from END
            ),
            EXISTS (SELECT FROM {schema}.jobs j WHERE j.state = 'ready' AND j.suspect),
            o.queues, o.priorities
        INTO _returns, _full, _next, _expires, _has_suspects, _names, _ranks
        FROM {schema}.returned r, (
            SELECT array_agg(l.queue) AS queues, array_agg(l.priority) AS priorities FROM (
                SELECT l.queue, l.priority FROM {schema}.lines l JOIN {schema}.queues q ON q.name = l.queue
                WHERE NOT q.paused AND (_queues IS NULL OR l.queue = ANY(_queues)) ORDER BY l.priority
            ) AS l
        ) AS o;
        IF _expires OR _next <= _now THEN
            _full := ({schema}.fall_due(CASE WHEN _full THEN '-infinity' ELSE _from END, _now)).due > 0 OR _full;
        END IF;
        IF _alone AND _has_suspects THEN
            _tids := ARRAY(
                SELECT j.ctid FROM {schema}.jobs j
                WHERE j.state = 'ready' AND j.suspect AND (_queues IS NULL OR j.queue = ANY(_queues))
                    AND NOT EXISTS (SELECT FROM {schema}.queues q WHERE q.name = j.queue AND q.paused)
                ORDER BY j.seq LIMIT 1 FOR UPDATE OF j SKIP LOCKED
            );
            IF cardinality(_tids) > 0 THEN
                _left := 0;
            END IF;
        END IF;
        FOR _i IN 1 .. coalesce(cardinality(_names), 0) LOOP
            _bounds[_i] := CASE
                WHEN _full THEN 0
                ELSE coalesce(_line_bounds[array_position(_lines, _ranks[_i] || ' ' || _names[_i])], 0)
            END;
        END LOOP;
        WHILE _left > 0 AND _first <= cardinality(_names) LOOP
            _last := _first;
            WHILE _ranks[_last + 1] = _ranks[_first] LOOP
                _last := _last + 1;
            END LOOP;
            IF _last = _first THEN
                _tids := _tids || ARRAY(
                    SELECT j.ctid FROM {schema}.jobs j
                    WHERE j.state = 'ready' AND NOT j.suspect AND j.queue = _names[_first]
                        AND j.priority = _ranks[_first] AND j.seq >= _bounds[_first]
                        AND (j.expires IS NULL OR j.expires > _now)
                    ORDER BY j.seq LIMIT _left FOR UPDATE SKIP LOCKED
                );
            ELSE
                _tids := _tids || ARRAY(
                    SELECT c.tid FROM unnest(_names[_first:_last], _bounds[_first:_last]) AS l(queue, bound)
                    CROSS JOIN LATERAL (
                        SELECT j.ctid AS tid, j.seq FROM {schema}.jobs j
                        WHERE j.state = 'ready' AND NOT j.suspect AND j.queue = l.queue
                            AND j.priority = _ranks[_first] AND j.seq >= l.bound
                            AND (j.expires IS NULL OR j.expires > _now)
                        ORDER BY j.seq LIMIT _left FOR UPDATE SKIP LOCKED
                    ) c
                    ORDER BY c.seq LIMIT _left
                );
            END IF;
            _left := _limit - cardinality(_tids);
            _first := _last + 1;
        END LOOP;
        -- A retirement waits for this, and finds what is claimed here; after it nothing is.
        IF cardinality(_tids) > 0 AND {schema}.may_claim(_worker) THEN
            RETURN QUERY
                UPDATE {schema}.jobs j
                SET state = 'running', worker = _worker, started = _now, token = j.token + 1, attempt = j.attempt + 1
                WHERE j.ctid = ANY(_tids)
                RETURNING j.seq, j.id, j.body, j.token, j.attempt, j.retries, j.crashes, j.suspect, j.started,
                    j.priority, j.queue, NULL::float8;
        ELSIF NOT EXISTS (SELECT FROM {schema}.workers w WHERE w.id = _worker) THEN
            PERFORM {schema}.may_claim(_worker);
        END IF;
        seq := _returns;
        id := NULL;
        body := '';
        token := 0;
        suspect := _full;
        started := _now;
        due := _next;
        RETURN NEXT;
    END IF;
END $$;

-- What `wait` asks: whether there may be something to claim, and the seconds until the next job falls due.
CREATE FUNCTION {schema}.look(
    _queues text[], _lines text[], _line_bounds bigint[], _returned bigint,
    _full boolean, _from float8, _shift float8, _alone boolean,
    OUT claimable boolean, OUT until_due float8, OUT full_look boolean
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET enable_bitmapscan = off SET jit = off AS $$
DECLARE
    _now float8 := date_part('epoch', clock_timestamp()) + _shift;
BEGIN
    full_look := _full OR (SELECT last_value FROM {schema}.returned) <> _returned;
    SELECT j.due - _now INTO until_due FROM {schema}.jobs j
    WHERE j.state IN ('delayed', 'retrying') AND j.due >= CASE WHEN full_look THEN '-infinity' ELSE _from END
    ORDER BY j.due LIMIT 1;
    claimable := coalesce(until_due <= 0, false) OR EXISTS (
        SELECT FROM {schema}.lines l JOIN {schema}.queues q ON q.name = l.queue
            LEFT JOIN unnest(_lines, _line_bounds) AS b(line, bound) ON b.line = l.priority || ' ' || l.queue
            CROSS JOIN LATERAL (
                SELECT FROM {schema}.jobs j
                WHERE j.state = 'ready' AND NOT j.suspect AND j.queue = l.queue AND j.priority = l.priority
                    AND j.seq >= CASE WHEN full_look THEN 0 ELSE coalesce(b.bound, 0) END
                LIMIT 1
            ) AS any_ready
        WHERE NOT q.paused AND (_queues IS NULL OR l.queue = ANY(_queues))
    ) OR _alone AND EXISTS (
        SELECT FROM {schema}.jobs j JOIN {schema}.queues q ON q.name = j.queue
        WHERE j.state = 'ready' AND j.suspect AND NOT q.paused AND (_queues IS NULL OR j.queue = ANY(_queues))
    );
END $$;
