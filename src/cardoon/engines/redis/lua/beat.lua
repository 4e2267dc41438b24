-- with: base
-- The reports of workers: for each whether it was retired (1 or 0), its order, and the jobs it is to end.
-- ARGV: shift; then worker and report of each.

local heard = {}
for n = 2, #ARGV, 2 do
  local worker = ARGV[n]
  if redis.call('ZSCORE', base .. ':retired', worker) then
    heard[#heard + 1] = { 1, '', {} }
  else
    redis.call('HSET', base .. ':workers', worker, ARGV[n + 1])
    local order = redis.call('HGET', base .. ':orders', worker) or ''
    heard[#heard + 1] = { 0, order, redis.call('SMEMBERS', base .. ':t:' .. worker) }
  end
end
return heard
