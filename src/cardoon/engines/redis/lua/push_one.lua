-- with: base
-- Stores one new job that is ready at once, which most are: 1, or 0 when its id is known. It does what
-- `push.lua` does for any, with as little as can be; and if a worker stands by with nothing to do, it claims the
-- job for it. ARGV: shift, id, priority, queue, body.

local id, priority, queue, body = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000 + ARGV[1]
local key = base .. ':j:' .. id
local seq = redis.call('INCR', base .. ':seq')
local ears = redis.call('HGETALL', base .. ':ears')
local job, taker, tell

-- Its functions are made only where somebody listens: each costs time at each run.
if #ears > 0 then
  local wall = time[1] + time[2] / 1000000

  local function is_wanted(wish, name)
    return not wish[2] or wish[2][name]
  end

  -- Tells the first one who wants it, and hears: `word(wish)` says what, or nothing to tell nobody.
  function tell(word)
    redis.set_repl(redis.REPL_NONE)
    local told
    for n = 1, #ears, 2 do
      local wish = cmsgpack.unpack(ears[n + 1])
      if is_wanted(wish, queue) then
        local said = wish[1] > wall and word(wish)
        if wish[1] > wall and not said then break end
        redis.call('HDEL', base .. ':ears', ears[n])
        told = said and redis.call('PUBLISH', base .. ':ear:' .. ears[n], said) > 0 and wish
        if told then break end
      end
    end
    redis.set_repl(redis.REPL_ALL)
    return told
  end

  -- Whether something else may wait that such a worker wants; it comes first.
  local function is_other(wish)
    local due = redis.call('ZRANGE', base .. ':due', 0, 0, 'WITHSCORES')[2]
    if due and tonumber(due) <= now then return true end
    for _, name in ipairs(redis.call('SMEMBERS', base .. ':lines')) do
      if is_wanted(wish, string.match(name, '^l:[^:]+:(.*)$') or string.sub(name, 3)) then return true end
    end
  end

  local function is_idle(wish)
    return wish[3] ~= '' and redis.call('HEXISTS', base .. ':workers', wish[3]) == 1
      and redis.call('SISMEMBER', base .. ':paused', queue) == 0 and not is_other(wish)
  end

  taker = tell(function(wish)
    if not is_idle(wish) or redis.call('EXISTS', key) == 1 then return end
    job = struct.pack(WHOLE, RUNNING, 0, tonumber(priority), seq, now, #queue, queue, #body, body, 1, 1, now, #wish[3], wish[3], '')
    return struct.pack('<c1I4I4c0I4c0', HAND, wish[4], #id, id, #job, job)
  end)
end

if taker then
  redis.call('SET', key, job)
  redis.call('HSET', base .. ':i:' .. math.floor(seq / BUCKET), seq % BUCKET, id)
  redis.call('SADD', base .. ':queues', queue)
  redis.call('SADD', base .. ':w:' .. taker[3], id)
  redis.call('HINCRBY', base .. ':counts', RUNNING .. ':' .. queue, 1)
  return 1
end

job = struct.pack(BIRTH, READY, 0, tonumber(priority), seq, now, #queue, queue, #body, body)
if not redis.call('SET', key, job, 'NX') then return 0 end
redis.call('HSET', base .. ':i:' .. math.floor(seq / BUCKET), seq % BUCKET, id)
local name = 'l:' .. priority .. ':' .. queue
if redis.call('RPUSH', base .. ':' .. name, seq) == 1 then
  redis.call('SADD', base .. ':lines', name)
  redis.call('SADD', base .. ':queues', queue)
end
redis.call('HINCRBY', base .. ':counts', READY .. ':' .. queue, 1)
if tell then tell(function(wish) return struct.pack('<c1I4', WORD, wish[4]) end) end
return 1
