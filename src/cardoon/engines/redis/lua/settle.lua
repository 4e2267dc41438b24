-- The ends of attempts. First stand all their ids; then of each a head, and what its marks say that follows:
-- result, error, note, the task of a parked job, address and body of a changed message, log lines, new jobs.

-- Whether this very end was written already, and nobody moved the job on.
local function ended_so(id, seq, token, state, result, fault, note)
  local job = left_by(id, seq, token)
  if not job or job[STATE] == RUNNING then return false end
  if state >= FIRST_FINAL then
    return job[STATE] == state and (job[RESULT] or false) == result and (job[ERROR] or false) == fault
      and (job[NOTE] or false) == note
  end
  if job[STATE] >= FIRST_FINAL then return has(job, CANCELLING) and job[STATE] == CANCELLED end
  -- The state in which this attempt left its job; one that is on no record was given back.
  local last = redis.call('LINDEX', base .. ':a:' .. id, -1)
  last = last and cmsgpack.unpack(last)
  return (last and last[2] == token and last[1] or READY) == state
end

local function retry(id, job, due, address, body)
  remember(id, job, RETRYING, now)
  if body then
    local to = address_of(address)
    job[BODY], job[QUEUE], job[PRIORITY], job[EXPIRES] = body, to.queue, to.priority, to.expires
  end
  job[DUE] = due or now
  job[RETRIES] = (job[RETRIES] or 0) + 1
  job[CRASHES] = false
  if has(job, SUSPECT) then job[FLAGS] = job[FLAGS] - SUSPECT end
  rest(id, job, RETRYING)
end

-- An attempt that does not end its job: it waits again, or is cancelled if that was asked.
local function wait_again(id, job, state, free, due, task, address, body)
  local cancelled = has(job, CANCELLING)
  if state == RETRYING and not cancelled then return retry(id, job, due, address, body) end
  if state == PARKED and not cancelled then remember(id, job, PARKED, now) end
  if free then job[ATTEMPT] = job[ATTEMPT] - 1 end
  if cancelled then
    finish(id, job, CANCELLED)
  elseif state == PARKED then
    park(id, job, task)
  else
    rest(id, job, READY)
  end
end

-- Settles so many ends, whose values begin there; the numbers of those refused.
local function settle_all(first, many)
  local refused, at = {}, first + many

  local function value_if(marks, mark)
    if marks % (mark + mark) < mark then return false end
    at = at + 1
    return ARGV[at - 1]
  end

  prefetch(ARGV, first, first + many - 1)
  for n = 1, many do
    local id = ARGV[first + n - 1]
    local seq, token, state, marks, due, started, logs, follows = struct.unpack('<ddBBddI4I4', ARGV[at])
    at = at + 1
    local result, fault, note, task, address, body = false, false, false, nil, nil, nil
    if marks % 32 > 0 then
      result = value_if(marks, HAS_RESULT)
      fault = value_if(marks, HAS_ERROR)
      note = value_if(marks, HAS_NOTE)
      task = value_if(marks, HAS_TASK)
      address = value_if(marks, HAS_MESSAGE)
      body = value_if(marks, HAS_MESSAGE)
    end
    local job = owned(id, seq, token)
    if job then
      let_go(id, job)
      for line = at, at + logs - 1 do
        redis.call('RPUSH', base .. ':n:' .. id, cmsgpack.pack({ 'log', ARGV[line] }))
      end
      if marks >= HAS_START then job[STARTED] = started end
      job[RESULT], job[ERROR], job[NOTE] = result, fault, note
      if state >= FIRST_FINAL then
        finish(id, job, state)
      else
        local free = marks % (IS_FREE * 2) >= IS_FREE
        wait_again(id, job, state, free, marks % (HAS_DUE * 2) >= HAS_DUE and due, task, address, body)
      end
      save(id, job)
      if follows > 0 then
        put_all(at + logs, follows)
        -- That one of them was not there when it was read is true no more.
        for new = at + logs, at + logs + follows * 3 - 1, 3 do jobs[ARGV[new]] = jobs[ARGV[new]] or nil end
      end
    elseif not ended_so(id, seq, token, state, result, fault, note) then
      refused[#refused + 1] = n
    end
    at = at + logs + follows * 3
  end
  return refused
end
