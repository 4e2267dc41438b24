-- with: base
-- This ear is not told of the ends of these jobs any more. ARGV: shift, ear; then ids.

local key = base .. ':awaited'
redis.set_repl(redis.REPL_NONE)
for n = 3, #ARGV do
  local others = {}
  for ear in string.gmatch(redis.call('HGET', key, ARGV[n]) or '', '%S+') do
    if ear ~= ARGV[2] then others[#others + 1] = ear end
  end
  if #others > 0 then
    redis.call('HSET', key, ARGV[n], table.concat(others, ' '))
  else
    redis.call('HDEL', key, ARGV[n])
  end
end
return 0
