-- with: head job wake line put fall_due settle lines listen
-- Settles ends, then claims, as one step: the numbers of the ends refused, then ids and jobs of the claims, and
-- what `listen` says when there are none and an ear is named.
-- ARGV: shift, worker, queues ('*' or an array), limit, alone (1 or 0), ear or '', how many ends; then the ends.

local worker, limit, wanted, alone = ARGV[2], tonumber(ARGV[4]), wish(ARGV[3]), ARGV[5] == '1'
local refused = settle_all(8, tonumber(ARGV[7]))
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
return { refused, claims, #claims == 0 and ARGV[6] ~= '' and listen(ARGV[6], wanted, alone) }
