-- with: base
-- All schedules: name, "enabled moment" and data of each. ARGV: shift.

local told = {}
local kept = redis.call('HGETALL', base .. ':schedules')
for n = 1, #kept, 2 do
  told[#told + 1] = kept[n]
  told[#told + 1] = kept[n + 1]
  told[#told + 1] = redis.call('HGET', base .. ':schedule-data', kept[n])
end
return told
