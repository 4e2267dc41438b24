-- with: head
-- Some of the jobs before a number, newest first: the number to go on before (0 at the end); then seq, id and
-- job of each. ARGV: shift, the number ('' for the newest), how many at least.

local newest = tonumber(redis.call('GET', base .. ':seq') or 0)
local first = tonumber(redis.call('GET', base .. ':first') or 0)
local seq = ARGV[2] == '' and newest or math.min(ARGV[2] - 1, newest)
local found, many, passed = { 0 }, 3 * ARGV[3], 0

while seq > 0 and seq >= first * BUCKET and #found < many and passed < MOST_PASSED_OVER do
  local bucket, ids = math.floor(seq / BUCKET), {}
  local entries = redis.call('HGETALL', base .. ':i:' .. bucket)
  for n = 1, #entries, 2 do ids[tonumber(entries[n])] = entries[n + 1] end
  for offset = seq % BUCKET, 0, -1 do
    local id = ids[offset]
    local kept = id and redis.call('GET', base .. ':j:' .. id)
    if kept then
      found[#found + 1] = bucket * BUCKET + offset
      found[#found + 1] = id
      found[#found + 1] = kept
    end
  end
  seq = bucket * BUCKET - 1
  passed = passed + 1
end
if seq > 0 and seq >= first * BUCKET then found[1] = seq + 1 end
return found
