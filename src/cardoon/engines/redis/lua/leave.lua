-- with: base
-- This ear does not wait for work any more, so that it is not told what another should hear: 1 if it did until now,
-- else 0. ARGV: shift, ear (what else is said of ears is of no interest here).

redis.set_repl(redis.REPL_NONE)
return redis.call('HDEL', base .. ':ears', ARGV[2])
