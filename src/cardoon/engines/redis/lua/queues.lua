-- with: head job index lines
-- Every queue: its name, whether it is paused (1 or 0), and since when its oldest ready job waits, or ''.
-- ARGV: shift.

local oldest = {}

local function heed(queue, job)
  local since = math.max(job[CREATED], job[DUE] or 0)
  oldest[queue] = math.min(oldest[queue] or math.huge, since)
end

for _, name in ipairs(redis.call('SMEMBERS', base .. ':lines')) do
  local source = source_of(name)
  local refs, places = peek(source, source.is_list and 10 or 100)
  for n, id in ipairs(ids_in(source, refs, #refs)) do
    local job = load(id)
    if stands_in(source, job, places[n] % WIDTH) then heed(source.queue, job) end
  end
end
for _, me in ipairs(redis.call('ZRANGE', base .. ':suspects', 0, 99)) do
  local job = load(string.sub(me, 7))
  if job then heed(job[QUEUE], job) end
end

local told, paused = {}, paused_queues()
for _, queue in ipairs(redis.call('SMEMBERS', base .. ':queues')) do
  local since = oldest[queue]
  told[#told + 1] = { queue, paused[queue] and 1 or 0, since and string.format('%.17g', since) or '' }
end
return told
