-- with: head job
-- Which of these jobs are final: ids and jobs. When none is, this ear hears of their ends for some seconds.
-- ARGV: shift, ear, seconds; then ids.

local found = {}
for n = 4, #ARGV do
  local kept = redis.call('GET', base .. ':j:' .. ARGV[n])
  if kept and cmsgpack.unpack(kept)[STATE] >= FIRST_FINAL then
    found[#found + 1] = ARGV[n]
    found[#found + 1] = kept
  end
end
if #found > 0 then return found end
local milliseconds = math.ceil(ARGV[3] * 1000)
redis.call('SET', base .. ':waiters', '', 'PX', milliseconds)
for n = 4, #ARGV do
  local key = base .. ':r:' .. ARGV[n]
  redis.call('SADD', key, ARGV[2])
  redis.call('PEXPIRE', key, milliseconds)
end
return found
