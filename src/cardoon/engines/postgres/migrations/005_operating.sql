-- The verb `cancel`: what waits ends, what runs is marked; the state that each known job has then.
CREATE FUNCTION {schema}.cancel(_ids text[], _mark smallint, _place integer, _durable boolean, _shift float8)
RETURNS TABLE (id text, state text) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_hashjoin = off
SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    _now float8 := date_part('epoch', clock_timestamp()) + _shift;
    _seqs bigint[];
BEGIN
    PERFORM {schema}.commit_as(_durable);
    LOOP
        PERFORM 1 FROM {schema}.jobs j WHERE j.id = ANY(_ids) ORDER BY j.seq FOR UPDATE;
        _seqs := ARRAY(
            SELECT j.seq FROM {schema}.jobs j
            WHERE j.id = ANY(_ids) AND j.state IN ('delayed', 'ready', 'blocked', 'parked', 'retrying')
        );
        EXIT WHEN cardinality(_seqs) = 0; -- what is replayed meanwhile comes once more
        PERFORM {schema}.bury(_seqs, 'cancelled', NULL, 1, _now);
        PERFORM {schema}.tell(_place, 2, 'd');
    END LOOP;
    UPDATE {schema}.jobs j SET cancel = greatest(j.cancel, _mark) WHERE j.id = ANY(_ids) AND j.state = 'running';
    RETURN QUERY
        SELECT j.id, j.state FROM {schema}.jobs j WHERE j.id = ANY(_ids)
        UNION ALL SELECT h.id, h.state FROM {schema}.history h WHERE h.id = ANY(_ids);
END $$;

-- The verb `acquire`: the fence, or NULL.
CREATE FUNCTION {schema}.acquire(
    _name text, _owner text, _slots integer, _seconds float8, _worker text, _durable boolean, _shift float8
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    _now float8 := date_part('epoch', clock_timestamp()) + _shift;
    _fence bigint;
BEGIN
    PERFORM {schema}.commit_as(_durable);
    PERFORM 1 FROM {schema}.workers w WHERE w.id = _worker FOR SHARE;
    IF EXISTS (SELECT FROM {schema}.workers w WHERE w.id = _worker AND w.retired IS NOT NULL) THEN
        RETURN NULL; -- nobody would free it
    END IF;
    INSERT INTO {schema}.locks (name, fence) VALUES (_name, 0) ON CONFLICT DO NOTHING;
    PERFORM 1 FROM {schema}.locks l WHERE l.name = _name FOR UPDATE;
    DELETE FROM {schema}.holders h WHERE h.name = _name AND h.until <= _now;
    SELECT h.fence INTO _fence FROM {schema}.holders h WHERE h.name = _name AND h.owner = _owner;
    IF FOUND THEN
        RETURN _fence;
    END IF;
    IF (SELECT count(*) FROM {schema}.holders h WHERE h.name = _name) >= _slots THEN
        RETURN NULL;
    END IF;
    UPDATE {schema}.locks l SET fence = l.fence + 1 WHERE l.name = _name RETURNING l.fence INTO _fence;
    INSERT INTO {schema}.holders (name, owner, fence, worker, until)
    VALUES (_name, _owner, _fence, _worker, _now + _seconds);
    RETURN _fence;
END $$;

-- The verb `take`: the seconds until there is a token, 0 when one was taken.
CREATE FUNCTION {schema}.take(
    _name text, _per_second float8, _burst integer, _durable boolean, _shift float8
) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    _now float8 := date_part('epoch', clock_timestamp()) + _shift;
    _each float8 := 1 / _per_second;
    _full_at float8;
    _wait float8;
BEGIN
    PERFORM {schema}.commit_as(_durable);
    INSERT INTO {schema}.buckets (name, full_at) VALUES (_name, _now) ON CONFLICT DO NOTHING;
    SELECT b.full_at INTO _full_at FROM {schema}.buckets b WHERE b.name = _name FOR UPDATE;
    -- A bucket that claims to fill later than it ever could was written under another clock.
    _full_at := least(greatest(_full_at, _now), _now + _burst * _each);
    _wait := _full_at + _each - _burst * _each - _now;
    IF _wait > 1e-6 THEN
        RETURN _wait;
    END IF;
    UPDATE {schema}.buckets b SET full_at = _full_at + _each WHERE b.name = _name;
    RETURN 0;
END $$;

-- The verb `arrive`. The counter only spares counting: it grows with the set, in the same step.
CREATE FUNCTION {schema}.arrive(
    _barrier text, _member text, _of integer, _durable boolean, _shift float8
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    _n integer;
BEGIN
    PERFORM {schema}.commit_as(_durable);
    INSERT INTO {schema}.arrivals (barrier, member) VALUES (_barrier, _member) ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO {schema}.barriers (name, n, last) VALUES (_barrier, 1, date_part('epoch', clock_timestamp()) + _shift)
    ON CONFLICT (name) DO UPDATE SET n = barriers.n + 1, last = excluded.last RETURNING n INTO _n;
    RETURN _n = _of;
END $$;

-- Make the bucket of history for this span, unless jobs that ended in it lie elsewhere already; whether it is
-- there now. It runs with the rights of the schema's owner, so that a worker needs no right to make tables.
CREATE FUNCTION {schema}.make_bucket(_begin float8, _end float8) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    _name text := 'history_' || to_char(to_timestamp(_begin) AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS');
BEGIN
    IF to_regclass(format('{schema}.%I', _name)) IS NOT NULL THEN
        RETURN true;
    END IF;
    IF EXISTS (SELECT FROM {schema}.history_other h WHERE h.finished >= _begin AND h.finished < _end) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE {schema}.%I (LIKE {schema}.history INCLUDING DEFAULTS)', _name);
    EXECUTE format(
        'ALTER TABLE {schema}.history ATTACH PARTITION {schema}.%I FOR VALUES FROM (%L) TO (%L)', _name, _begin, _end
    );
    RETURN true;
EXCEPTION
    WHEN lock_not_available OR duplicate_table OR check_violation OR invalid_object_definition THEN
        RETURN false; -- somebody else makes it, or it can wait
END $$;

-- Drop a bucket of history in which all ended before this moment; how many jobs it held, NULL where that must
-- wait for somebody who reads it.
CREATE FUNCTION {schema}.drop_bucket(_name text, _before float8) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '500ms' AS $$
DECLARE
    _n bigint;
BEGIN
    IF _name !~ '^history_[0-9]{8}T[0-9]{6}$' OR to_regclass(format('{schema}.%I', _name)) IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('LOCK TABLE {schema}.%I IN ACCESS EXCLUSIVE MODE', _name);
    EXECUTE format('SELECT count(*) FROM {schema}.%I WHERE finished >= %L', _name, _before) INTO _n;
    IF _n > 0 THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT count(*) FROM {schema}.%I', _name) INTO _n;
    EXECUTE format('DROP TABLE {schema}.%I', _name);
    RETURN _n;
EXCEPTION
    WHEN lock_not_available OR undefined_table THEN
        RETURN NULL;
END $$;

-- The buckets of history with the moment at which each ends, by age.
CREATE FUNCTION {schema}.old_buckets(_before float8) RETURNS TABLE (name text) LANGUAGE sql STABLE AS $$
    SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = '{schema}.history'::regclass
        AND (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''?([-0-9.e+]+)''?\)'))[1]::float8 <= _before
    ORDER BY 1
$$;
