-- The steps that must be one round trip and one transaction. Their settings make plans that no statistics of
-- a table that is empty one moment and full the next can spoil.

-- Whether somebody sleeps until a notice of this kind. Who sleeps holds the lock, shared; a lock that another
-- asks about at this very moment looks the same, and then a notice is sent that nobody needs.
CREATE FUNCTION {schema}.somebody_waits(_place integer, _kind integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF pg_try_advisory_lock(_place, _kind) THEN
        PERFORM pg_advisory_unlock(_place, _kind);
        RETURN false;
    END IF;
    RETURN true;
END $$;

-- Send a notice when the transaction commits, if somebody waits for it; whether it will be sent.
CREATE FUNCTION {schema}.tell(_place integer, _kind integer, _news text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF {schema}.somebody_waits(_place, _kind) THEN
        PERFORM pg_notify('cardoon:' || _place, _news);
        RETURN true;
    END IF;
    RETURN false;
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
-- the same id at this moment; so the look into history afterwards, in a later snapshot, misses none. Unless it is
-- `_careful` it fails where another stores one of the ids at this very moment, or one is there twice.
CREATE FUNCTION {schema}.store(
    _ids text[], _tasks text[], _queues text[], _priorities smallint[], _dues float8[], _expires float8[],
    _parents text[], _bodies bytea[], _since float8, _careful boolean, _now float8
) RETURNS boolean[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    _new text[] := _ids;
    _known text[];
BEGIN
    IF _careful OR EXISTS (SELECT FROM unnest(_ids) AS m(id) JOIN {schema}.jobs j ON j.id = m.id) THEN
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
    SELECT array_agg(h.id) INTO _known
    FROM unnest(_new) AS n(id) JOIN {schema}.history h ON h.id = n.id AND h.finished >= _since;
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
    _parents text[], _bodies bytea[], _since float8, _careful boolean, _new_queues text[], _new_priorities smallint[],
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
        _careful, date_part('epoch', clock_timestamp()) + _shift);
    IF _expires IS NOT NULL THEN
        PERFORM nextval('{schema}.returned') FROM unnest(_expires) AS x
        WHERE x <= date_part('epoch', clock_timestamp()) + _shift LIMIT 1;
    END IF;
    told := _tell AND {schema}.tell(_place, 1, CASE
        WHEN _dues IS NULL AND _queues[1] = ALL(_queues) THEN {schema}.news_of(_queues[1]) ELSE 'r' END);
END $$;

-- The same for one message that is due now, to a line that is known, in a fraction of the time: 0 for a known id,
-- 1 for a new one, 2 when a notice was sent, too. It fails for the id of a job that has not ended, which is faster
-- than to be ready for it; so it is for ids that were made a moment ago and are hardly ever sent twice.
CREATE FUNCTION {schema}.push_one(
    _id text, _task text, _queue text, _priority smallint, _parent text, _body bytea, _since float8, _tell boolean,
    _place integer, _durable boolean, _shift float8
) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    IF NOT _durable OR current_setting('synchronous_commit') <> 'on' THEN
        PERFORM {schema}.commit_as(_durable);
    END IF;
    INSERT INTO {schema}.jobs (id, task, queue, priority, state, created, parent, body)
    VALUES (_id, _task, _queue, _priority, 'ready', date_part('epoch', clock_timestamp()) + _shift, _parent, _body);
    PERFORM 1 FROM {schema}.history h WHERE h.id = _id AND h.finished >= _since;
    IF FOUND THEN
        DELETE FROM {schema}.jobs j WHERE j.id = _id;
        RETURN 0;
    END IF;
    IF NOT _tell THEN
        RETURN 1;
    END IF;
    IF pg_try_advisory_lock(_place, 1) THEN
        PERFORM pg_advisory_unlock(_place, 1);
        RETURN 1;
    END IF;
    PERFORM pg_notify('cardoon:' || _place, {schema}.news_of(_queue));
    RETURN 2;
END $$;
