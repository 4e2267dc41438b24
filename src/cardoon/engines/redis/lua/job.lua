-- Jobs by their ids: read once, and written by `done`, all in one command. Keys are explained in KEYS.md.

local jobs, dirty, kept, order = {}, {}, {}, {}

local function has(job, flag)
  return job[FLAGS] % (flag + flag) >= flag
end

local function set(job, flag)
  if not has(job, flag) then job[FLAGS] = job[FLAGS] + flag end
end

local function is_waiting(job)
  return job[STATE] < FIRST_FINAL and job[STATE] ~= RUNNING
end

-- Calls a command with many values, as many at a time as Lua can pass on; the last answer.
local function call_with(command, key, values)
  local answer
  for first = 1, #values, 4000 do
    answer = redis.call(command, key, unpack(values, first, math.min(first + 3999, #values)))
  end
  return answer
end

-- A job from its record.
local function parsed(text)
  if not text then return false end
  local state, flags, priority, seq, created, queue, body, at = struct.unpack(BIRTH, text)
  local job = { seq, created, state, queue, priority, flags, body, 0, 0, false, false }
  if at > #text then return job end
  local token, attempt, started, worker, last = struct.unpack(ATTEMPTED, text, at)
  job[TOKEN], job[ATTEMPT] = token, attempt
  job[STARTED], job[WORKER] = started > 0 and started, worker ~= '' and worker
  if last <= #text then
    for n, value in ipairs(cmsgpack.unpack(string.sub(text, last))) do job[FINISHED - 1 + n] = value end
  end
  return job
end

-- Reads the jobs of these ids that were not read yet.
local function prefetch(ids, first, last)
  for from = first, last, 4000 do
    local keys, upto = {}, math.min(from + 3999, last)
    for n = from, upto do keys[n - from + 1] = base .. ':j:' .. ids[n] end
    for n, text in ipairs(redis.call('MGET', unpack(keys))) do
      local id = ids[from + n - 1]
      if jobs[id] == nil then jobs[id] = parsed(text) end
    end
  end
end

local function load(id)
  local job = jobs[id]
  if job == nil then
    job = parsed(redis.call('GET', base .. ':j:' .. id))
    jobs[id] = job
  end
  return job
end

local function save(id, job)
  if not dirty[id] then
    dirty[id] = job
    order[#order + 1] = id
  end
end

-- The record of a job.
local function packed(job)
  local queue, body, worker, last = job[QUEUE], job[BODY], job[WORKER] or '', LAST
  while last >= FINISHED and not job[last] do last = last - 1 end
  if last < FINISHED and job[TOKEN] == 0 then
    return struct.pack(BIRTH, job[STATE], job[FLAGS], job[PRIORITY], job[SEQ], job[CREATED], #queue, queue, #body, body)
  end
  local rest = {}
  for field = FINISHED, last do rest[field - FINISHED + 1] = job[field] or false end
  return struct.pack(WHOLE, job[STATE], job[FLAGS], job[PRIORITY], job[SEQ], job[CREATED], #queue, queue, #body, body,
    job[TOKEN], job[ATTEMPT], job[STARTED] or 0, #worker, worker, rest[1] ~= nil and cmsgpack.pack(rest) or '')
end

local function write_jobs()
  for first = 1, #order, 2000 do
    local values = {}
    for n = first, math.min(first + 1999, #order) do
      local id = order[n]
      kept[id] = packed(dirty[id])
      values[#values + 1] = base .. ':j:' .. id
      values[#values + 1] = kept[id]
    end
    redis.call('MSET', unpack(values))
  end
end

-- The job of this id as one attempt left it; nothing when another had it since, or somebody called it off.
local function left_by(id, seq, token)
  local job = load(id)
  if job and job[SEQ] == seq and job[TOKEN] == token then return job end
end

-- The fence: the job of this id if it is in the hands of this very attempt.
local function owned(id, seq, token)
  local job = left_by(id, seq, token)
  if job and job[STATE] == RUNNING then return job end
end
