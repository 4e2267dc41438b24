-- with: head index
-- The jobs that can be in some states, where those are few: how far down they are all told (a number, 0 for all
-- of them), then ids; nothing at all where they are many. An id may be one whose job has moved on.
-- ARGV: shift, the number before which they stand ('' for all), how many are few; then states.

local few, found, bound, asked = tonumber(ARGV[3]), { 0 }, 0, {}
local below = ARGV[2] == '' and '+inf' or '(' .. ARGV[2]

local function add(refs)
  for _, me in ipairs(refs) do found[#found + 1] = string.sub(me, 7) end
end

-- The newest that ended in this way; where there are more of them nothing older than the last is complete.
local function add_ended(state)
  local refs = redis.call('ZREVRANGEBYSCORE', base .. ':e:' .. state, below, '-inf', 'LIMIT', 0, few)
  add(refs)
  if #refs == few then bound = math.max(bound, (struct.unpack('>I6', refs[few]))) end
end

local function add_running()
  for _, worker in ipairs(redis.call('HKEYS', base .. ':workers')) do
    local held = base .. ':w:' .. worker
    if redis.call('SCARD', held) > few then return false end
    for _, id in ipairs(redis.call('SMEMBERS', held)) do found[#found + 1] = id end
  end
  return true
end

local function add_later()
  if redis.call('ZCARD', base .. ':due') > few then return false end
  add(redis.call('ZRANGE', base .. ':due', 0, -1))
  return true
end

local function add_parked()
  for _, task in ipairs(redis.call('SMEMBERS', base .. ':parked')) do
    if redis.call('SCARD', base .. ':p:' .. task) > few then return false end
    add(redis.call('SMEMBERS', base .. ':p:' .. task))
  end
  return true
end

local function add_numbered(numbers)
  for _, id in ipairs(ids_of(numbers, #numbers)) do found[#found + 1] = id end
end

local function add_ready()
  for _, name in ipairs(redis.call('SMEMBERS', base .. ':lines')) do
    local key, is_list = base .. ':' .. name, string.sub(name, 1, 1) == 'l'
    if redis.call(is_list and 'LLEN' or 'ZCARD', key) > few then return false end
    if is_list then add_numbered(redis.call('LRANGE', key, 0, -1)) else add(redis.call('ZRANGE', key, 0, -1)) end
  end
  if redis.call('ZCARD', base .. ':suspects') > few then return false end
  add(redis.call('ZRANGE', base .. ':suspects', 0, -1))
  return true
end

local ways = { [DELAYED] = add_later, [READY] = add_ready, [PARKED] = add_parked, [RUNNING] = add_running, [RETRYING] = add_later }
for n = 4, #ARGV do
  local state = tonumber(ARGV[n])
  local way = ways[state]
  if way and not asked[way] then
    asked[way] = true
    if not way() or #found > 4 * few then return {} end
  elseif state > SUCCEEDED then
    add_ended(state)
  end
end
found[1] = bound
return found
