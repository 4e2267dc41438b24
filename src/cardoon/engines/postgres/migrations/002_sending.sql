-- The steps that must be one round trip and one transaction. Their settings make plans that no statistics of
-- a table that is empty one moment and full the next can spoil.

-- Send a notice when the transaction commits, if somebody waits for it; whether it will be sent. Who sleeps holds
-- the lock, shared; a lock that another asks about at this very moment looks the same, and then a notice is sent
-- that nobody needs.
CREATE FUNCTION {schema}.tell(_place integer, _kind integer, _news text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF pg_try_advisory_lock(_place, _kind) THEN
        PERFORM pg_advisory_unlock(_place, _kind);
        RETURN false;
    END IF;
    PERFORM pg_notify('cardoon:' || _place || ':' || _kind, _news);
    RETURN true;
END $$;

-- What is said of something to claim in this queue; its name is left out when a notice cannot carry it.
CREATE FUNCTION {schema}.news_of(_queue text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN length(_queue) > 1000 OR _queue = '' OR position(E'\n' IN _queue) > 0 THEN 'r'
        ELSE 'r' || _queue
    END
$$;

-- Commit as the profile says, whatever the default of the server; never more weakly than it does for others.
CREATE FUNCTION {schema}.commit_as(_durable boolean) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF _durable THEN
        IF current_setting('synchronous_commit') IN ('off', 'local', 'remote_write') THEN
            PERFORM set_config('synchronous_commit', 'on', true);
        END IF;
    ELSIF current_setting('synchronous_commit') <> 'off' THEN
        PERFORM set_config('synchronous_commit', 'off', true);
    END IF;
END $$;

-- Store new jobs; those that are new by position, NULL for all. An insert waits for a settle that is moving
-- the same id at this moment; so the look into history afterwards, in a later snapshot, misses none. It is spared
-- where none of them can have ended, as the `_oldest` was made later. Unless it is `_careful` it fails where one
-- has not ended or is there twice.
CREATE FUNCTION {schema}.store(
    _ids text[], _tasks text[], _queues text[], _priorities smallint[], _dues float8[], _expires float8[],
    _parents text[], _bodies bytea[], _since float8, _careful boolean, _now float8, _oldest bigint
) RETURNS boolean[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    _new text[] := _ids;
    _known text[];
BEGIN
    IF _careful THEN
        WITH stored AS (
            INSERT INTO {schema}.jobs (id, task, queue, priority, state, created, due, expires, parent, body)
            SELECT m.id, m.task, m.queue, m.priority, CASE WHEN m.due > _now THEN 'delayed' ELSE 'ready' END, _now,
                m.due, m.expires, m.parent, m.body
            FROM unnest(_ids, _tasks, _queues, _priorities, _dues, _expires, _parents, _bodies)
                AS m(id, task, queue, priority, due, expires, parent, body)
            ON CONFLICT (id) DO NOTHING
            RETURNING id
        )
        SELECT array_agg(s.id) INTO _new FROM stored s;
    ELSE
        INSERT INTO {schema}.jobs (id, task, queue, priority, state, created, due, expires, parent, body)
        SELECT m.id, m.task, m.queue, m.priority, CASE WHEN m.due > _now THEN 'delayed' ELSE 'ready' END, _now,
            m.due, m.expires, m.parent, m.body
        FROM unnest(_ids, _tasks, _queues, _priorities, _dues, _expires, _parents, _bodies)
            AS m(id, task, queue, priority, due, expires, parent, body);
    END IF;
    IF _oldest <= pg_sequence_last_value('{schema}.ended_until') THEN
        SELECT array_agg(h.id) INTO _known
        FROM unnest(_new) AS n(id) JOIN {schema}.history h ON h.id = n.id AND h.finished >= _since;
    END IF;
    IF _known IS NOT NULL THEN
        DELETE FROM {schema}.jobs j WHERE j.id = ANY(_known);
        SELECT array_agg(n.id) INTO _new FROM unnest(_new) AS n(id) WHERE n.id <> ALL(_known);
    END IF;
    IF cardinality(_new) = cardinality(_ids) THEN
        RETURN NULL;
    END IF;
    RETURN ARRAY(
        SELECT m.id = ANY(coalesce(_new, '{}')) AND m.place = array_position(_ids, m.id)
        FROM unnest(_ids) WITH ORDINALITY AS m(id, place) ORDER BY m.place
    );
END $$;

-- Know these lines, and their queues, from now on.
CREATE FUNCTION {schema}.know(_queues text[], _priorities smallint[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.queues (name) SELECT DISTINCT q FROM unnest(_queues) AS q ORDER BY 1 ON CONFLICT DO NOTHING;
    INSERT INTO {schema}.lines (queue, priority)
    SELECT DISTINCT l.queue, l.priority FROM unnest(_queues, _priorities) AS l(queue, priority) ORDER BY 1, 2
    ON CONFLICT DO NOTHING;
END $$;

-- The verb `push`: what is new, and whether a notice was sent. Raises CA001 when the sender lost its job.
CREATE FUNCTION {schema}.push(
    _ids text[], _tasks text[], _queues text[], _priorities smallint[], _dues float8[], _expires float8[],
    _parents text[], _bodies bytea[], _since float8, _oldest bigint, _careful boolean,
    _new_queues text[], _new_priorities smallint[],
    _by_seq bigint, _by_id text, _by_token integer,
    _place integer, _tell boolean, _durable boolean, _shift float8,
    OUT new boolean[], OUT told boolean
) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM {schema}.commit_as(_durable);
    IF _by_seq IS NOT NULL THEN
        PERFORM 1 FROM {schema}.jobs j
        WHERE j.seq = _by_seq AND j.id = _by_id AND j.token = _by_token AND j.state = 'running' FOR SHARE;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'lease lost' USING ERRCODE = 'CA001';
        END IF;
    END IF;
    IF _new_queues IS NOT NULL THEN
        PERFORM {schema}.know(_new_queues, _new_priorities);
    END IF;
    new := {schema}.store(_ids, _tasks, _queues, _priorities, _dues, _expires, _parents, _bodies, _since,
        _careful, date_part('epoch', clock_timestamp()) + _shift, _oldest);
    IF _expires IS NOT NULL THEN
        PERFORM nextval('{schema}.returned') FROM unnest(_expires) AS x
        WHERE x <= date_part('epoch', clock_timestamp()) + _shift LIMIT 1;
    END IF;
    told := _tell AND {schema}.tell(_place, 1, CASE
        WHEN _dues IS NULL AND _queues[1] = ALL(_queues) THEN {schema}.news_of(_queues[1]) ELSE 'r' END);
END $$;

-- What a single push asks of history is answered by an error, which takes it back. The `order` of an id (rows.py) is
-- when it was made; no job ended more than a day before that, whatever the clocks say.
CREATE FUNCTION {schema}.refuse_ended(_id text, _order bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM {schema}.history h WHERE h.id = _id AND h.finished >= _order / 4096000.0::float8 - 86400;
    IF FOUND THEN
        RAISE EXCEPTION 'the job has ended' USING ERRCODE = 'unique_violation';
    END IF;
END $$;

-- Jobs are about to end whose ids have at most this `order` (rows.py); -1 says that none of them has one. A sequence
-- can be set back by who is late, so the lock: it is held while nothing is waited for, and let go before the
-- transaction ends, as nobody must wait for the disk of another.
CREATE FUNCTION {schema}.will_end(_until bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    _lock integer;
BEGIN
    IF _until <= pg_sequence_last_value('{schema}.ended_until') THEN
        RETURN;
    END IF;
    _lock := ('{schema}.ended_until'::regclass::oid::bigint - 2147483648)::integer;
    BEGIN
        PERFORM pg_advisory_lock(_lock, 3);
        IF _until > pg_sequence_last_value('{schema}.ended_until') THEN
            PERFORM setval('{schema}.ended_until', _until);
        END IF;
        PERFORM pg_advisory_unlock(_lock, 3);
    EXCEPTION
        WHEN OTHERS OR query_canceled THEN
            PERFORM pg_advisory_unlock(_lock, 3);
            RAISE;
    END;
END $$;

-- The greatest `order` of these ids, as rows.py reads them; -1 if none has one.
CREATE FUNCTION {schema}.order_of_newest(_ids text[]) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    _newest text := (
        SELECT max(id COLLATE "C") FROM unnest(_ids) AS i(id)
        WHERE id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$'
    );
BEGIN
    RETURN coalesce(
        ('x' || substr(_newest, 1, 8) || substr(_newest, 10, 4) || substr(_newest, 16, 3))::bit(60)::bigint, -1
    );
END $$;
