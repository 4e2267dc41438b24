-- with: head
-- Takes a slot of a lock: its number, or 0. ARGV: shift, name, owner, slots, seconds ('' for ever), worker.

local name, owner, worker = ARGV[2], ARGV[3], ARGV[6]
local key = base .. ':lock:' .. name

if worker ~= '' and redis.call('ZSCORE', base .. ':retired', worker) then return 0 end

local others, mine, over = 0, nil, {}
local holds = redis.call('HGETALL', key)
for n = 1, #holds, 2 do
  local hold = cmsgpack.unpack(holds[n + 1])
  if hold[3] and hold[3] <= now then
    over[#over + 1] = holds[n]
  elseif holds[n] == owner then
    mine = hold
  else
    others = others + 1
  end
end

if not mine and others >= tonumber(ARGV[4]) then return 0 end
if not mine then mine = { redis.call('HINCRBY', base .. ':fences', name, 1), worker } end
mine[3] = ARGV[5] ~= '' and now + ARGV[5]
for _, gone in ipairs(over) do redis.call('HDEL', key, gone) end
redis.call('HSET', key, owner, cmsgpack.pack(mine))
if worker ~= '' then redis.call('SADD', base .. ':wl:' .. worker, name) end
return mine[1]
