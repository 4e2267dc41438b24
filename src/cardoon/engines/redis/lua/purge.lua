-- with: head job wake line index lines
-- Ends what waits in queues, a thousand of each line at a time: how many, and 1 when there may be more, else 0.
-- ARGV: shift, queues.

local wanted = wish(ARGV[2])
local purged, more = 0, 0

local function purge(id, seq)
  local job = load(id)
  if job and job[SEQ] == seq and is_waiting(job) and wanted[job[QUEUE]] then
    call_off(id, job, CANCELLED)
    job[NOTE] = 'purged'
    save(id, job)
    purged = purged + 1
  end
end

local function purge_all(refs)
  for _, me in ipairs(refs) do purge(string.sub(me, 7), (struct.unpack('>I6', me))) end
end

for _, name in ipairs(redis.call('SMEMBERS', base .. ':lines')) do
  local source = source_of(name)
  if wanted[source.queue] then
    local refs, places = peek(source, MOST_AT_ONCE)
    for n, id in ipairs(ids_in(source, refs, #refs)) do purge(id, places[n] % WIDTH) end
    if source.is_list then drop(source, refs, #refs) end
    if #refs == MOST_AT_ONCE then more = 1 end
  end
end
purge_all(redis.call('ZRANGE', base .. ':suspects', 0, -1))
purge_all(redis.call('ZRANGE', base .. ':due', 0, -1))
for _, task in ipairs(redis.call('SMEMBERS', base .. ':parked')) do
  purge_all(redis.call('SMEMBERS', base .. ':p:' .. task))
end
done()
return { purged, more }
