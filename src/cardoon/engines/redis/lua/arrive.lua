-- with: head
-- Enters a set: 1 for the arrival that makes it complete, else 0. ARGV: shift, barrier, member, how many
-- members it has.

local key, of = base .. ':bar:' .. ARGV[2], tonumber(ARGV[4])
local members = redis.call('SCARD', key)
if members >= of or redis.call('SADD', key, ARGV[3]) == 0 then return 0 end
redis.call('ZADD', base .. ':barriers', now, ARGV[2])
return members + 1 == of and 1 or 0
