-- Who waits, and hears of what this script does.

local counted, woken, ended = {}, {}, {}

local function count(queue, state, change)
  local of = counted[queue]
  if not of then
    of = {}
    counted[queue] = of
  end
  of[state] = (of[state] or 0) + change
end

local function write_counts()
  for queue, of in pairs(counted) do
    for state, change in pairs(of) do
      if change ~= 0 then redis.call('HINCRBY', base .. ':counts', state .. ':' .. queue, change) end
    end
  end
end

local function heard_by(ear, number)
  return redis.call('PUBLISH', base .. ':ear:' .. ear, struct.pack('<c1I4', WORD, number)) > 0
end

-- Wakes as many of those that wait for work as there is work for. That an ear does not wait any more is not
-- written to the disk, as that it waits was not: no call has to be synced for a hint.
local function wake_workers()
  if not next(woken) then return end
  redis.set_repl(redis.REPL_NONE)
  local ears = redis.call('HGETALL', base .. ':ears')
  for n = 1, #ears, 2 do
    local wish = cmsgpack.unpack(ears[n + 1])
    for queue, left in pairs(woken) do
      if left > 0 and (not wish[2] or wish[2][queue]) then
        redis.call('HDEL', base .. ':ears', ears[n])
        if wish[1] > wall and heard_by(ears[n], wish[4]) then woken[queue] = left - 1 end
        break
      end
    end
  end
  redis.set_repl(redis.REPL_ALL)
end

-- Lets a job wait until it is due. Who sleeps knows when the first one is, as he looks each second: so he is told
-- of one that comes before it.
local function delay(me, due, queue)
  redis.call('ZADD', base .. ':due', due, me)
  if due < now + 1 and redis.call('ZRANGE', base .. ':due', 0, 0)[1] == me then
    woken[queue] = (woken[queue] or 0) + 1
  end
end

-- Tells those that wait for the end of one of these jobs what was stored: each ear of all of them at once.
local function wake_waiters()
  if #ended == 0 or redis.call('EXISTS', base .. ':awaited') == 0 then return end
  redis.set_repl(redis.REPL_NONE)
  local told = {}
  for first = 1, #ended, 4000 do
    local upto = math.min(first + 3999, #ended)
    for n, ears in ipairs(redis.call('HMGET', base .. ':awaited', unpack(ended, first, upto))) do
      local id = ended[first + n - 1]
      if ears then redis.call('HDEL', base .. ':awaited', id) end
      for ear in string.gmatch(ears or '', '%S+') do
        told[ear] = told[ear] or {}
        table.insert(told[ear], struct.pack('<I4c0I4c0', #id, id, #kept[id], kept[id]))
      end
    end
  end
  for ear, ends in pairs(told) do redis.call('PUBLISH', base .. ':ear:' .. ear, ENDS .. table.concat(ends)) end
  redis.set_repl(redis.REPL_ALL)
end
