-- with: head job wake line put fall_due settle index lines listen
-- Settles ends, then claims, as one step: the numbers of the ends refused, then ids and jobs of the claims, whether
-- the ear stood by until now, and what `listen` says when there are no claims and it is to stand by.
-- ARGV: shift, worker, queues ('*' or an array), limit, alone (1 or 0), how many ends, ear, whether it may stand by
-- (1 or 0), the number under which it is to (0: it is not); then the ends.

local worker, limit, wanted, alone = ARGV[2], tonumber(ARGV[4]), wish(ARGV[3]), ARGV[5] == '1'
local lasted = ARGV[8] == '1' and stand_down(ARGV[7])
local refused = settle_all(10, tonumber(ARGV[6]))
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

-- Whether it took the oldest suspect, which then runs alone.
local function take_suspect()
  local id, job, me = oldest_suspect(wanted)
  if not id then return false end
  redis.call('ZREM', base .. ':suspects', me)
  return take(id, job)
end

local function claim()
  -- Most namespaces have none of these most of the time, so that one look does for all three.
  if redis.call('EXISTS', base .. ':due', base .. ':expires', base .. ':suspects') > 0 then
    fall_due()
    if alone and take_suspect() then return end
  end
  take_from(open_sources(wanted), limit, take)
end

-- A worker that is known was not retired; one that was not heard of before is known from now on.
local function is_welcome()
  if redis.call('HEXISTS', base .. ':workers', worker) == 1 then return true end
  if redis.call('ZSCORE', base .. ':retired', worker) then return false end
  redis.call('HSET', base .. ':workers', worker, '')
  return true
end

if limit > 0 and is_welcome() then claim() end
done()
if #claimed > 0 then call_with('SADD', base .. ':w:' .. worker, claimed) end
for n, id in ipairs(claimed) do
  claims[2 * n - 1], claims[2 * n] = id, kept[id]
end
local stands_by = #claims == 0 and ARGV[9] ~= '0'
return { refused, claims, lasted, stands_by and listen(ARGV[7], tonumber(ARGV[9]), worker, wanted, alone) }
