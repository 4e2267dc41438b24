-- with: head
-- Takes a token: 0, or in how many seconds there is one (text). ARGV: shift, bucket, per second, burst.

local key, each, burst = base .. ':buckets', 1 / ARGV[3], tonumber(ARGV[4])
local full_at = tonumber(redis.call('HGET', key, ARGV[2]) or now)
-- No grant leads further ahead than the whole burst: what lies beyond is a clock set back.
full_at = math.min(math.max(full_at, now), now + burst * each)
local left = full_at + each - burst * each - now
-- A microsecond is less than the grain of the server's clock.
if left > 0.000001 then return string.format('%.17g', left) end
redis.call('HSET', key, ARGV[2], string.format('%.17g', full_at + each))
return '0'
