-- with: head job wake line
-- Forgets the jobs that ended before a moment, among some of all: how many, and the bucket of the index to go
-- on with (0 at the end). ARGV: shift, the bucket to begin with, how many buckets, the moment.

local before, forgotten = tonumber(ARGV[4]), 0
local first = tonumber(redis.call('GET', base .. ':first') or 0)
local last = math.floor((redis.call('GET', base .. ':seq') or 0) / BUCKET)
local bucket = math.max(tonumber(ARGV[2]), first)
local left = tonumber(ARGV[3])

while bucket <= last and left > 0 do
  local found = redis.call('HGETALL', base .. ':i:' .. bucket)
  -- An empty one costs little to pass.
  left = left - (#found > 0 and 1 or 0.01)
  for n = 1, #found, 2 do
    local seq, id = bucket * BUCKET + found[n], found[n + 1]
    local job = load(id)
    if job and job[SEQ] == seq and job[FINISHED] and job[FINISHED] < before then
      forget(id, job)
      forgotten = forgotten + 1
    end
  end
  if #found == 0 and bucket == first and bucket < last then
    first = first + 1
    redis.call('SET', base .. ':first', first)
  end
  bucket = bucket + 1
end
return { forgotten, bucket <= last and bucket or 0 }
