-- with: head job wake line
-- Ends those that wait; marks those that run: for each id its state, or 0 when it is unknown.
-- ARGV: shift, whether running ones are to be ended (1 or 0), a note or ''; then ids.

local states = {}
for n = 4, #ARGV do
  local id = ARGV[n]
  local job = load(id)
  if job and is_waiting(job) then
    call_off(id, job, CANCELLED)
    if ARGV[3] ~= '' then job[NOTE] = ARGV[3] end
    save(id, job)
  elseif job and job[STATE] == RUNNING then
    set(job, CANCELLING)
    if ARGV[2] == '1' then
      set(job, TERMINATING)
      redis.call('SADD', base .. ':t:' .. job[WORKER], id)
    end
    save(id, job)
  end
  states[#states + 1] = job and job[STATE] or 0
end
done()
return states
