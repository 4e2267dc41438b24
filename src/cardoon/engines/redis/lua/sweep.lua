-- with: head job wake line fall_due
-- What happens by time alone: how many fell due and how many expired, at most a thousand of each.
-- ARGV: shift, after how many seconds retired workers are forgotten, and barriers ('' for never).

local function before(seconds)
  return '(' .. string.format('%.17g', now - seconds)
end

local function forget_barriers()
  local old = redis.call('ZRANGEBYSCORE', base .. ':barriers', '-inf', before(ARGV[3]), 'LIMIT', 0, MOST_AT_ONCE)
  for _, barrier in ipairs(old) do
    redis.call('DEL', base .. ':bar:' .. barrier)
    redis.call('ZREM', base .. ':barriers', barrier)
  end
end

redis.call('ZREMRANGEBYSCORE', base .. ':retired', '-inf', before(ARGV[2]))
if ARGV[3] ~= '' then forget_barriers() end
local due, expired = fall_due()
done()
return { due, expired }
