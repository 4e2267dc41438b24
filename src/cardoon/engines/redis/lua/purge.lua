-- with: head job wake line lines
-- Ends what waits in queues, a thousand of each line at a time: how many, and 1 when there may be more, else 0.
-- ARGV: shift, queues.

local wanted = wish(ARGV[2])
local purged, more = 0, 0

local function purge(refs)
  for _, me in ipairs(refs) do
    local id = string.sub(me, 7)
    local job = load(id)
    if job and ref(id, job) == me and is_waiting(job) and wanted[job[QUEUE]] then
      call_off(id, job, CANCELLED)
      job[NOTE] = 'purged'
      save(id, job)
      purged = purged + 1
    end
  end
end

for _, name in ipairs(redis.call('SMEMBERS', base .. ':lines')) do
  local source = source_of(name)
  if wanted[source.queue] then
    local refs = peek(source, MOST_AT_ONCE)
    purge(refs)
    if source.is_list then drop(source, refs, #refs) end
    if #refs == MOST_AT_ONCE then more = 1 end
  end
end
purge(redis.call('ZRANGE', base .. ':suspects', 0, -1))
purge(redis.call('ZRANGE', base .. ':due', 0, -1))
for _, task in ipairs(redis.call('SMEMBERS', base .. ':parked')) do
  purge(redis.call('SMEMBERS', base .. ':p:' .. task))
end
done()
return { purged, more }
