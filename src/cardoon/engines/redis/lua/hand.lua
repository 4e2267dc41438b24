-- Hands a new job to a worker that stands by with nothing to do, in the step that stores it.

local function is_wanted(wanted, queue)
  return not wanted or wanted[queue]
end

-- Whether something else may wait that such a worker wants; it comes first.
local function is_other(wanted, now)
  local due = redis.call('ZRANGE', base .. ':due', 0, 0, 'WITHSCORES')[2]
  if due and tonumber(due) <= now then return true end
  for _, name in ipairs(redis.call('SMEMBERS', base .. ':lines')) do
    if is_wanted(wanted, string.match(name, '^l:[^:]+:(.*)$') or string.sub(name, 3)) then return true end
  end
end

-- Whether this ear is to be handed a job of this queue.
local function is_idle(wish, queue, now)
  return wish[3] ~= '' and redis.call('HEXISTS', base .. ':workers', wish[3]) == 1
    and redis.call('SISMEMBER', base .. ':paused', queue) == 0 and not is_other(wish[2], now)
end
