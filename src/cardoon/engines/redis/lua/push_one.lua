-- with: base
-- Stores one new job that is ready at once, which most are: 1, or 0 when its id is known. It does what
-- `push.lua` does for any, with as little as can be. ARGV: shift, id, priority, queue, body.

local id, priority, queue, body = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000 + ARGV[1]
local seq = redis.call('INCR', base .. ':seq')
local job = struct.pack(BIRTH, READY, 0, tonumber(priority), seq, now, #queue, queue, #body, body)
if not redis.call('SET', base .. ':j:' .. id, job, 'NX') then return 0 end
redis.call('HSET', base .. ':i:' .. math.floor(seq / BUCKET), seq % BUCKET, id)
local name = 'l:' .. priority .. ':' .. queue
if redis.call('RPUSH', base .. ':' .. name, struct.pack('>I6', seq) .. id) == 1 then
  redis.call('SADD', base .. ':lines', name)
  redis.call('SADD', base .. ':queues', queue)
end
redis.call('HINCRBY', base .. ':counts', READY .. ':' .. queue, 1)

redis.set_repl(redis.REPL_NONE)
local ears = redis.call('HGETALL', base .. ':ears')
for n = 1, #ears, 2 do
  local wish = cmsgpack.unpack(ears[n + 1])
  if not wish[2] or wish[2][queue] then
    redis.call('HDEL', base .. ':ears', ears[n])
    local listens = wish[1] > time[1] + time[2] / 1000000
    if listens and redis.call('PUBLISH', base .. ':ear:' .. ears[n], '') > 0 then break end
  end
end
return 1
