-- Who finds nothing to claim begins to listen in the same step, so that nothing falls between the two.

-- Whether one of these sources has a ready job; what called off jobs left at its head is dropped.
local function any_ready(wanted, alone)
  for _, source in ipairs(open_sources(wanted)) do
    local refs = peek(source, 100)
    for _, me in ipairs(refs) do
      if stands_in(source, load(string.sub(me, 7)), struct.unpack('>I6', me)) then return true end
      drop(source, { me }, 1)
    end
    if #refs == 100 then return true end
  end
  return alone and oldest_suspect(wanted)
end

-- 1 when there may be something to claim; else in how many seconds something falls due (text; '' when nothing
-- will), and until then, or for LISTENS seconds, this ear hears of what comes.
local function listen(ear, wanted, alone)
  local due = redis.call('ZRANGE', base .. ':due', 0, 0, 'WITHSCORES')[2]
  local is_any = due and tonumber(due) <= now or any_ready(wanted, alone)
  redis.set_repl(redis.REPL_NONE)
  if is_any then
    redis.call('HDEL', base .. ':ears', ear)
  else
    local seconds = math.min(LISTENS, due and due - now or LISTENS)
    redis.call('HSET', base .. ':ears', ear, cmsgpack.pack({ wall + seconds, wanted or false }))
    redis.call('PEXPIRE', base .. ':ears', 60000)
  end
  redis.set_repl(redis.REPL_ALL)
  return is_any and 1 or due and tostring(due - now) or ''
end
