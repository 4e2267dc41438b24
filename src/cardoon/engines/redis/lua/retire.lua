-- with: head job wake line put
-- Ends a worker's claims as was decided of the jobs that it had: 1, or 0 when it was retired before, or -1
-- with nothing written when it has other jobs now than those that were decided on.
-- ARGV: shift, worker, crashed (1 or 0), note and error of its attempts, how many jobs; then of each id, seq,
-- token, flags, crashes, state, note, error and how many new jobs follow; then the new jobs.

local worker, crashed, many = ARGV[2], ARGV[3] == '1', tonumber(ARGV[6])
local held = base .. ':w:' .. worker

if redis.call('ZSCORE', base .. ':retired', worker) then return 0 end
if redis.call('SCARD', held) ~= many then return -1 end

local jobs = {}
for n = 1, many do
  local at = 7 + (n - 1) * 9
  local job = owned(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]))
  if not job or job[WORKER] ~= worker or job[FLAGS] ~= tonumber(ARGV[at + 3]) then return -1 end
  jobs[n] = job
end

-- The attempt that ended with its worker, kept with what is known of that end.
local function blame(id, job)
  job[NOTE], job[ERROR] = ARGV[4], ARGV[5]
  remember(id, job, READY, now)
  set(job, SUSPECT)
  job[ERROR] = false
end

local function free_locks()
  local names = base .. ':wl:' .. worker
  for _, name in ipairs(redis.call('SMEMBERS', names)) do
    local key = base .. ':lock:' .. name
    local holds = redis.call('HGETALL', key)
    for n = 1, #holds, 2 do
      if cmsgpack.unpack(holds[n + 1])[2] == worker then redis.call('HDEL', key, holds[n]) end
    end
  end
  redis.call('DEL', names)
end

redis.call('ZADD', base .. ':retired', now, worker)
redis.call('HDEL', base .. ':workers', worker)
redis.call('HDEL', base .. ':orders', worker)
free_locks()
local follow = 7 + many * 9
for n = 1, many do
  local at = 7 + (n - 1) * 9
  local id, job, state = ARGV[at], jobs[n], tonumber(ARGV[at + 5])
  let_go(id, job)
  if crashed then blame(id, job) end
  job[TOKEN] = job[TOKEN] + 1
  if not crashed then job[ATTEMPT] = job[ATTEMPT] - 1 end
  job[CRASHES] = tonumber(ARGV[at + 4])
  job[NOTE] = ARGV[at + 6] ~= '' and ARGV[at + 6]
  if ARGV[at + 7] ~= '' then job[ERROR] = ARGV[at + 7] end
  if state == READY then rest(id, job, READY) else finish(id, job, state) end
  save(id, job)
  local follows = tonumber(ARGV[at + 8])
  put_all(follow, follows)
  follow = follow + follows * 3
end
redis.call('DEL', base .. ':t:' .. worker)
done()
return 1
