-- with: head job
-- Attaches something to a job for the attempt that owns it: 1 or 0. ARGV: shift, id, seq, token, kind, data.

local id = ARGV[2]
local job = owned(id, tonumber(ARGV[3]), tonumber(ARGV[4]))
if not job then return 0 end
if ARGV[5] == 'progress' then
  job[PROGRESS] = ARGV[6]
  save(id, job)
  write_jobs()
else
  redis.call('RPUSH', base .. ':n:' .. id, cmsgpack.pack({ ARGV[5], ARGV[6] }))
end
return 1
