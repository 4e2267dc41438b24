-- The ready lines, as one: each source is a list of new jobs of one queue and priority, or the sorted set
-- of those that came back to a queue.

local passed_over = 0

-- The queues that were asked for, as a set; nothing for all.
local function wish(queues)
  if queues == '*' then return nil end
  local wanted = {}
  for _, queue in ipairs(cmsgpack.unpack(queues)) do wanted[queue] = true end
  return wanted
end

local function is_open(queue, wanted, paused)
  return not paused[queue] and (not wanted or wanted[queue])
end

local function paused_queues()
  local paused = {}
  for _, queue in ipairs(redis.call('SMEMBERS', base .. ':paused')) do paused[queue] = true end
  return paused
end

local function source_of(name)
  local priority, queue = string.match(name, '^l:([^:]+):(.*)$')
  return {
    name = name, key = base .. ':' .. name, queue = queue or string.sub(name, 3),
    priority = tonumber(priority), is_list = queue and true,
  }
end

-- The first few of a source, and their places: a place and WIDTH give the number.
local function peek(source, many)
  local refs, places = {}, {}
  if source.is_list then
    refs = redis.call('LRANGE', source.key, 0, many - 1)
    local before = source.priority * WIDTH
    for n, number in ipairs(refs) do places[n] = before + number end
  else
    local found = redis.call('ZRANGE', source.key, 0, many - 1, 'WITHSCORES')
    for n = 1, #found, 2 do
      refs[#refs + 1], places[#places + 1] = found[n], tonumber(found[n + 1])
    end
  end
  return refs, places
end

-- The ids of the first `many` of these.
local function ids_in(source, refs, many)
  if source.is_list then return ids_of(refs, many) end
  local ids = {}
  for n = 1, many do ids[n] = string.sub(refs[n], 7) end
  return ids
end

-- Takes out the first `many` of a source, which are these refs.
local function drop(source, refs, many)
  if source.is_list then
    redis.call('LTRIM', source.key, many, -1)
  else
    for from = 1, many, 4000 do
      redis.call('ZREM', source.key, unpack(refs, from, math.min(from + 3999, many)))
    end
  end
end

-- Finds so many of the first in this source; nothing, and forgotten, when it has none.
local function look(source, many)
  source.refs, source.places = peek(source, many)
  source.seen, source.first = many, source.places[1]
  if not source.first then redis.call('SREM', base .. ':lines', source.name) end
  return source.first
end

local function open_sources(wanted)
  local sources, paused = {}, paused_queues()
  for _, name in ipairs(redis.call('SMEMBERS', base .. ':lines')) do
    local source = source_of(name)
    if is_open(source.queue, wanted, paused) and look(source, 1) then sources[#sources + 1] = source end
  end
  return sources
end

-- The source whose first one comes before all others, and the place of the first one of those.
local function foremost(sources)
  local best, bound
  for _, source in ipairs(sources) do
    if not best or source.first < best.first then
      best, bound = source, best and best.first
    elseif not bound or source.first < bound then
      bound = source.first
    end
  end
  return best, bound or math.huge
end

-- Whether this job waits in this line; a list may hold what was called off, or has moved.
local function stands_in(source, job, seq)
  return job and job[SEQ] == seq and job[STATE] == READY and job[QUEUE] == source.queue
    and not has(job, SUSPECT) and (not source.is_list or job[PRIORITY] == source.priority)
end

local function without(sources, gone)
  local left = {}
  for _, source in ipairs(sources) do
    if source ~= gone then left[#left + 1] = source end
  end
  return left
end

-- Takes the first ones out of the lines, in order, until so many were taken: `take(id, job)` says whether it was.
local function take_from(sources, limit, take)
  while limit > 0 and #sources > 0 and passed_over < MOST_PASSED_OVER do
    local source, bound = foremost(sources)
    if source.seen < limit then look(source, limit) end
    local refs, places = source.refs, source.places
    local many = 0
    while many < math.min(#refs, limit) and places[many + 1] <= bound do many = many + 1 end
    local ids = ids_in(source, refs, many)
    prefetch(ids, 1, many)
    for n, id in ipairs(ids) do
      local job = jobs[id]
      if stands_in(source, job, places[n] % WIDTH) and take(id, job) then
        limit = limit - 1
      else
        passed_over = passed_over + 1
      end
    end
    drop(source, refs, many)
    if limit > 0 and not look(source, limit) then sources = without(sources, source) end
  end
end

-- The oldest suspect of these queues: its id and the job.
local function oldest_suspect(wanted)
  local paused
  for _, me in ipairs(redis.call('ZRANGE', base .. ':suspects', 0, MOST_AT_ONCE)) do
    paused = paused or paused_queues()
    local id = string.sub(me, 7)
    local job = load(id)
    if job and is_open(job[QUEUE], wanted, paused) then return id, job, me end
  end
end
