-- Where a job waits. `done` comes last in each script that moves a job.

local freed = {}

-- A job as the lines name it: its number, by which it stands in them, and its id.
local function ref(id, job)
  return struct.pack('>I6', job[SEQ]) .. id
end

-- Where a job stands in its line: by priority, then age.
local function place(job)
  return job[PRIORITY] * WIDTH + job[SEQ]
end

-- Waits in this state; each moment at which that must end is noted.
local function rest(id, job, state)
  local me, queue = ref(id, job), job[QUEUE]
  job[STATE], job[WORKER], job[STARTED] = state, false, false
  count(queue, state, 1)
  if state == READY then
    if has(job, SUSPECT) then
      redis.call('ZADD', base .. ':suspects', job[SEQ], me)
    else
      redis.call('ZADD', base .. ':b:' .. queue, place(job), me)
      redis.call('SADD', base .. ':lines', 'b:' .. queue)
    end
    woken[queue] = (woken[queue] or 0) + 1
  elseif state ~= PARKED then
    delay(me, job[DUE], queue)
  end
  if job[EXPIRES] then redis.call('ZADD', base .. ':expires', job[EXPIRES], me) end
end

-- Waits no more. A list is left as it is: what it holds is judged when it is taken.
local function leave(id, job)
  local me = ref(id, job)
  count(job[QUEUE], job[STATE], -1)
  if job[STATE] == READY then
    redis.call('ZREM', has(job, SUSPECT) and base .. ':suspects' or base .. ':b:' .. job[QUEUE], me)
  elseif job[STATE] ~= PARKED then
    redis.call('ZREM', base .. ':due', me)
  end
  if job[EXPIRES] then redis.call('ZREM', base .. ':expires', me) end
end

-- Out of the hands of the worker that runs it.
local function let_go(id, job)
  local worker = job[WORKER]
  count(job[QUEUE], RUNNING, -1)
  freed[worker] = freed[worker] or {}
  table.insert(freed[worker], id)
  if has(job, TERMINATING) then redis.call('SREM', base .. ':t:' .. worker, id) end
end

local function finish(id, job, state)
  job[STATE], job[FINISHED] = state, now
  count(job[QUEUE], state, 1)
  -- Those that succeeded are most, and are found among all jobs.
  if state ~= SUCCEEDED then redis.call('ZADD', base .. ':e:' .. state, job[SEQ], ref(id, job)) end
  ended[#ended + 1] = id
end

-- Ends what waits; what an earlier attempt still says of it is out of date.
local function call_off(id, job, state)
  leave(id, job)
  finish(id, job, state)
  job[TOKEN] = job[TOKEN] + 1
end

local function park(id, job, task)
  rest(id, job, PARKED)
  redis.call('SADD', base .. ':p:' .. task, ref(id, job))
  redis.call('SADD', base .. ':parked', task)
end

-- Keeps this attempt, which leaves the job in `state`, among the earlier ones, each once.
local function remember(id, job, state, finished)
  local key = base .. ':a:' .. id
  local last = redis.call('LINDEX', key, -1)
  if last and cmsgpack.unpack(last)[2] >= job[TOKEN] then return end
  redis.call('RPUSH', key, cmsgpack.pack({
    state, job[TOKEN], job[ATTEMPT], job[STARTED] or false, finished or false, job[WORKER] or false,
    job[RESULT] or false, job[ERROR] or false, job[NOTE] or false,
  }))
end

-- An end that is one no more.
local function forget_end(id, job)
  if job[STATE] > SUCCEEDED then redis.call('ZREM', base .. ':e:' .. job[STATE], ref(id, job)) end
end

-- Forgets a job with all that is kept of it.
local function forget(id, job)
  local seq = job[SEQ]
  forget_end(id, job)
  redis.call('HDEL', base .. ':i:' .. math.floor(seq / BUCKET), seq % BUCKET)
  redis.call('DEL', base .. ':j:' .. id, base .. ':a:' .. id, base .. ':n:' .. id)
  jobs[id] = false
end

-- Writes what was changed and counted, and wakes whom it concerns.
local function done()
  write_jobs()
  for worker, ids in pairs(freed) do call_with('SREM', base .. ':w:' .. worker, ids) end
  write_counts()
  wake_workers()
  wake_waiters()
end
