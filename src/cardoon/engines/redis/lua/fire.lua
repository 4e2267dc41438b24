-- with: head wake put
-- Stores the jobs of one due moment of a schedule and moves it on: 1, or 0 when it is not at that moment.
-- ARGV: shift, name, the moment, the next one or ''; then the jobs.

local key = base .. ':schedules'
local enabled, moment = string.match(redis.call('HGET', key, ARGV[2]) or '', '^(%d) (.*)$')
if enabled ~= '1' or tonumber(moment) ~= tonumber(ARGV[3]) then return 0 end
put_all(5, (#ARGV - 4) / 3)
redis.call('HSET', key, ARGV[2], '1 ' .. ARGV[4])
write_counts()
wake_workers()
return 1
