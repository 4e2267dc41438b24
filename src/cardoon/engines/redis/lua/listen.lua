-- Who finds nothing to claim stands by from the same step on, so that nothing falls between the two.

-- Whether one of these sources has a ready job; what called off jobs left at its head is dropped.
local function any_ready(wanted, alone)
  for _, source in ipairs(open_sources(wanted)) do
    local refs, places = peek(source, 100)
    for n, id in ipairs(ids_in(source, refs, #refs)) do
      if stands_in(source, load(id), places[n] % WIDTH) then return true end
      drop(source, { refs[n] }, 1)
    end
    if #refs == 100 then return true end
  end
  return alone and oldest_suspect(wanted)
end

-- This ear stands by no more: whether it did until now. Neither is written to the disk.
local function stand_down(ear)
  redis.set_repl(redis.REPL_NONE)
  local lasted = redis.call('HDEL', base .. ':ears', ear)
  redis.set_repl(redis.REPL_ALL)
  return lasted
end

-- 1 when there may be something to claim; else in how many seconds something falls due (text; '' when nothing
-- will), and until then, or for LISTENS seconds, this ear stands by under that number for that worker.
local function listen(ear, number, worker, wanted, alone)
  local due = redis.call('ZRANGE', base .. ':due', 0, 0, 'WITHSCORES')[2]
  if due and tonumber(due) <= now or any_ready(wanted, alone) then return 1 end
  local seconds = math.min(LISTENS, due and due - now or LISTENS)
  redis.set_repl(redis.REPL_NONE)
  redis.call('HSET', base .. ':ears', ear, cmsgpack.pack({ wall + seconds, wanted or false, worker, number }))
  redis.call('PEXPIRE', base .. ':ears', 60000)
  redis.set_repl(redis.REPL_ALL)
  return due and tostring(due - now) or ''
end
