-- with: base hand
-- Stores one new job that is ready at once, which most are: 1, or 0 when its id is known. It does what
-- `push.lua` does for any, with as little as can be; and if a worker stands by with nothing to do, it claims the
-- job for it. ARGV: shift, id, priority, queue, body.

local id, priority, queue, body = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local wall = time[1] + time[2] / 1000000
local now = wall + ARGV[1]
local key = base .. ':j:' .. id
local seq = redis.call('INCR', base .. ':seq')
local ears = redis.call('HGETALL', base .. ':ears')

-- Tells the first one who wants it, and hears: `word(wish)` says what, or nothing to tell nobody.
local function tell(word)
  redis.set_repl(redis.REPL_NONE)
  local told
  for n = 1, #ears, 2 do
    local wish = cmsgpack.unpack(ears[n + 1])
    if is_wanted(wish[2], queue) then
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

local job
local function hand(wish)
  if not is_idle(wish, queue, now) or redis.call('EXISTS', key) == 1 then return end
  job = struct.pack(WHOLE, RUNNING, 0, tonumber(priority), seq, now, #queue, queue, #body, body, 1, 1, now, #wish[3], wish[3], '')
  return struct.pack('<c1I4I4c0I4c0', HAND, wish[4], #id, id, #job, job)
end

local taker = #ears > 0 and tell(hand)
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
if redis.call('RPUSH', base .. ':' .. name, struct.pack('>I6', seq) .. id) == 1 then
  redis.call('SADD', base .. ':lines', name)
  redis.call('SADD', base .. ':queues', queue)
end
redis.call('HINCRBY', base .. ':counts', READY .. ':' .. queue, 1)
if #ears > 0 then tell(function(wish) return struct.pack('<c1I4', WORD, wish[4]) end) end
return 1
