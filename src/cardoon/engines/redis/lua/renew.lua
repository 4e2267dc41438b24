-- with: head
-- Holds a lock for some seconds from now on, or frees it when none are said: 1, or 0 when this owner does not
-- hold it. ARGV: shift, name, owner, seconds or ''.

local key = base .. ':lock:' .. ARGV[2]
local kept = redis.call('HGET', key, ARGV[3])
local hold = kept and cmsgpack.unpack(kept)
if not hold or (hold[3] and hold[3] <= now) then return 0 end
if ARGV[4] == '' then
  redis.call('HDEL', key, ARGV[3])
else
  hold[3] = now + ARGV[4]
  redis.call('HSET', key, ARGV[3], cmsgpack.pack(hold))
end
return 1
