-- with: base
-- Which of these jobs are final: ids and jobs. Of the end of each other one this ear ('' for none) is told.
-- ARGV: shift, ear; then ids.

local found, open = {}, {}
for n = 3, #ARGV do
  local kept = redis.call('GET', base .. ':j:' .. ARGV[n])
  if kept and string.byte(kept) >= FIRST_FINAL then
    found[#found + 1] = ARGV[n]
    found[#found + 1] = kept
  else
    open[#open + 1] = ARGV[n]
  end
end

local ear, key = ARGV[2], base .. ':awaited'
redis.set_repl(redis.REPL_NONE)
for _, id in ipairs(ear ~= '' and open or {}) do
  if redis.call('HSETNX', key, id, ear) == 0 then
    local ears = redis.call('HGET', key, id)
    if not string.find(ears, ear, 1, true) then redis.call('HSET', key, id, ears .. ' ' .. ear) end
  end
end
redis.call('PEXPIRE', key, 60000)
return found
