-- with: head job wake line
-- The parked jobs of tasks back in line; how many. ARGV: shift; then tasks.

local many = 0
for n = 2, #ARGV do
  local key = base .. ':p:' .. ARGV[n]
  for _, me in ipairs(redis.call('SMEMBERS', key)) do
    local id = string.sub(me, 7)
    local job = load(id)
    if job and job[STATE] == PARKED and ref(id, job) == me then
      leave(id, job)
      rest(id, job, READY)
      job[NOTE] = false
      save(id, job)
      many = many + 1
    end
  end
  redis.call('DEL', key)
  redis.call('SREM', base .. ':parked', ARGV[n])
end
done()
return many
