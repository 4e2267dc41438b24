-- with: head job wake line
-- Lets jobs wait again as if they had never run: 1, or 0 with nothing written when one of them is not as it
-- was when it was read. ARGV: shift; then id, state, token and body ('' leaves it) of each.

local jobs = {}
for n = 2, #ARGV, 4 do
  local job = load(ARGV[n])
  if not job or job[STATE] ~= tonumber(ARGV[n + 1]) or job[TOKEN] ~= tonumber(ARGV[n + 2]) then return 0 end
  jobs[n] = job
end
for n = 2, #ARGV, 4 do
  local id, job = ARGV[n], jobs[n]
  remember(id, job, job[STATE], job[FINISHED])
  if is_waiting(job) then leave(id, job) else forget_end(id, job) end
  if ARGV[n + 3] ~= '' then job[BODY] = ARGV[n + 3] end
  for field = FINISHED, LAST do job[field] = false end
  job[FLAGS], job[TOKEN], job[DUE] = 0, job[TOKEN] + 1, now
  rest(id, job, READY)
  save(id, job)
end
done()
return 1
