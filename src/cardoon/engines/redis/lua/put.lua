-- New jobs: the values of each are its id, its address ('' for that of the one before) and its body.

local addresses, lists = {}, {}

-- The list of a queue and priority, with the numbers that are to be put at its end.
local function list_of(queue, priority)
  local name = 'l:' .. priority .. ':' .. queue
  lists[name] = lists[name] or { name = name, queue = queue, numbers = {} }
  return lists[name]
end

-- Where a message goes, from "priority due expires queue", with as much of a new job as follows from that.
local function address_of(text)
  local address = addresses[text]
  if not address then
    local priority, due, expires, queue = string.match(text, '^(%S+) (%S+) (%S+) (.*)$')
    due, expires, priority = tonumber(due) or false, tonumber(expires) or false, tonumber(priority)
    local state = due and due > now and DELAYED or READY
    address = {
      queue = queue, priority = priority, due = due, expires = expires,
      list = state == READY and list_of(queue, priority), state = state, rest = '',
    }
    if due or expires then
      address.rest = struct.pack(ATTEMPTED, 0, 0, 0, 0, '') .. cmsgpack.pack({ false, false, false, false, false, due, expires })
    end
    addresses[text] = address
    redis.call('SADD', base .. ':queues', queue)
  end
  return address
end

-- Which of the ids of these new jobs are known already, or stand there twice.
local function known_among(first, many)
  local keys, known, seen = {}, {}, {}
  for n = 1, many do keys[n] = base .. ':j:' .. ARGV[first + n * 3 - 3] end
  for from = 1, many, 4000 do
    local upto = math.min(from + 3999, many)
    if redis.call('EXISTS', unpack(keys, from, upto)) > 0 then
      for n = from, upto do known[n] = redis.call('EXISTS', keys[n]) == 1 end
    end
  end
  for n = 1, many do
    if seen[keys[n]] then known[n] = true end
    seen[keys[n]] = true
  end
  return keys, known
end

-- Puts a new job where it waits; at the ends of lists, by `fill_lists`, so that they are in the order of the jobs.
local function stand(to, seq, id)
  if to.list then
    to.list.numbers[#to.list.numbers + 1] = seq
  else
    delay(struct.pack('>I6', seq) .. id, to.due, to.queue)
    count(to.queue, DELAYED, 1)
  end
  if to.expires then redis.call('ZADD', base .. ':expires', to.expires, struct.pack('>I6', seq) .. id) end
end

local function fill_lists()
  for _, list in pairs(lists) do
    local numbers, queue, length = list.numbers, list.queue, nil
    for from = 1, #numbers, 4000 do
      length = redis.call('RPUSH', base .. ':' .. list.name, unpack(numbers, from, math.min(from + 3999, #numbers)))
    end
    if length then
      if length == #numbers then redis.call('SADD', base .. ':lines', list.name) end
      count(queue, READY, #numbers)
      woken[queue] = (woken[queue] or 0) + #numbers
      list.numbers = {}
    end
  end
end

-- Stores the new jobs whose values begin there; for each whether it is new.
local function put_all(first, many)
  local new, values, index, bucket, to = {}, {}, {}, nil, nil
  if many == 0 then return new end
  local keys, known = known_among(first, many)
  local seq = redis.call('INCRBY', base .. ':seq', many) - many
  for n = 1, many do
    seq = seq + 1
    new[n] = known[n] and 0 or 1
    if ARGV[first + n * 3 - 2] ~= '' then to = address_of(ARGV[first + n * 3 - 2]) end
    if not known[n] then
      local id = ARGV[first + n * 3 - 3]
      local at = math.floor(seq / BUCKET)
      if bucket ~= at or #values > 1000 then
        if bucket then
          redis.call('MSET', unpack(values))
          redis.call('HSET', base .. ':i:' .. bucket, unpack(index))
        end
        bucket, index, values = at, {}, {}
      end
      values[#values + 1] = keys[n]
      local body = ARGV[first + n * 3 - 1]
      values[#values + 1] = struct.pack(BIRTH_AND_REST, to.state, 0, to.priority, seq, now, #to.queue, to.queue,
        #body, body, to.rest)
      index[#index + 1] = seq % BUCKET
      index[#index + 1] = id
      stand(to, seq, id)
    end
  end
  if bucket then
    redis.call('MSET', unpack(values))
    redis.call('HSET', base .. ':i:' .. bucket, unpack(index))
  end
  fill_lists()
  return new
end
