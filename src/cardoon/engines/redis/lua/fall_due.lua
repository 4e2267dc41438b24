-- What happens to waiting jobs by time alone: some at a time, so that no call takes long.

local function each_until_now(name, act)
  local key, acted = base .. name, 0
  for _, me in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, MOST_AT_ONCE)) do
    redis.call('ZREM', key, me)
    local id = string.sub(me, 7)
    local job = load(id)
    if job and job[SEQ] == struct.unpack('>I6', me) and is_waiting(job) then
      act(id, job)
      save(id, job)
      acted = acted + 1
    end
  end
  return acted
end

local function expire(id, job)
  call_off(id, job, EXPIRED)
  job[NOTE] = 'not started before it expired'
end

local function promote(id, job)
  leave(id, job)
  rest(id, job, READY)
end

local function fall_due()
  local expired = each_until_now(':expires', expire)
  return each_until_now(':due', promote), expired
end
