-- with: head job lines
-- Whether there may be something to claim: 1, or in how many seconds something falls due (text; '' when
-- nothing will), and this ear hears of what comes. ARGV: shift, ear, queues, seconds.

local wanted = wish(ARGV[3])

-- Whether one of these sources has a ready job; what called off jobs left at its head is dropped.
local function any_ready()
  for _, source in ipairs(open_sources(wanted)) do
    local refs = peek(source, 100)
    for _, me in ipairs(refs) do
      if stands_in(source, load(string.sub(me, 7)), struct.unpack('>I6', me)) then return true end
      drop(source, { me }, 1)
    end
    if #refs == 100 then return true end
  end
  return oldest_suspect(wanted)
end

local due = redis.call('ZRANGE', base .. ':due', 0, 0, 'WITHSCORES')[2]
local is_any = due and tonumber(due) <= now or any_ready()
redis.set_repl(redis.REPL_NONE)
if is_any then
  redis.call('HDEL', base .. ':ears', ARGV[2])
  return 1
end
redis.call('HSET', base .. ':ears', ARGV[2], cmsgpack.pack({ wall + ARGV[4], wanted or false }))
redis.call('PEXPIRE', base .. ':ears', 60000)
return due and tostring(due - now) or ''
