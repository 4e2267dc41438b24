-- with: base
-- Forgets a schedule: 1, or 0 when it was not there. ARGV: shift, name.

redis.call('HDEL', base .. ':schedule-data', ARGV[2])
return redis.call('HDEL', base .. ':schedules', ARGV[2])
