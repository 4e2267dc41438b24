-- with: base
-- The names of all queues, and the counts by "state:queue". ARGV: shift.

return { redis.call('SMEMBERS', base .. ':queues'), redis.call('HGETALL', base .. ':counts') }
