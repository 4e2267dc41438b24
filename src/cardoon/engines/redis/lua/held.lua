-- with: base
-- What a worker has running: ids and jobs. ARGV: shift, worker.

local held = {}
for _, id in ipairs(redis.call('SMEMBERS', base .. ':w:' .. ARGV[2])) do
  held[#held + 1] = id
  held[#held + 1] = redis.call('GET', base .. ':j:' .. id)
end
return held
