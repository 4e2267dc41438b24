-- with: head job wake line put fall_due settle lines
-- Settles ends, then claims, as one step: the numbers of the ends refused, then ids and jobs of the claims.
-- ARGV: shift, worker, queues ('*' or an array), limit, alone (1 or 0), how many ends; then the ends.

local worker, limit = ARGV[2], tonumber(ARGV[4])
local refused = settle_all(7, tonumber(ARGV[6]))
local claimed, claims = {}, {}

local function take(id, job)
  save(id, job)
  -- Of very many that expire at once not all were ended yet.
  if job[EXPIRES] and job[EXPIRES] <= now then return expire(id, job) end
  count(job[QUEUE], READY, -1)
  count(job[QUEUE], RUNNING, 1)
  if job[EXPIRES] then redis.call('ZREM', base .. ':expires', ref(id, job)) end
  job[STATE], job[WORKER], job[STARTED] = RUNNING, worker, now
  job[TOKEN], job[ATTEMPT] = job[TOKEN] + 1, job[ATTEMPT] + 1
  claimed[#claimed + 1] = id
  return true
end

local function claim()
  local wanted = wish(ARGV[3])
  fall_due()
  if ARGV[5] == '1' then
    local id, job, me = oldest_suspect(wanted)
    if id then
      redis.call('ZREM', base .. ':suspects', me)
      if take(id, job) then return end
    end
  end
  take_from(open_sources(wanted), limit, take)
end

if limit > 0 and not redis.call('ZSCORE', base .. ':retired', worker) then
  redis.call('HSETNX', base .. ':workers', worker, '')
  claim()
end
done()
if #claimed > 0 then call_with('SADD', base .. ':w:' .. worker, claimed) end
for n, id in ipairs(claimed) do
  claims[2 * n - 1], claims[2 * n] = id, kept[id]
end
return { refused, claims }
