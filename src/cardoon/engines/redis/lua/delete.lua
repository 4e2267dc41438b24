-- with: head job wake line
-- Forgets jobs that do not run: for each id 1 or 0. ARGV: shift; then ids.

local gone = {}
for n = 2, #ARGV do
  local id = ARGV[n]
  local job = load(id)
  gone[n - 1] = 0
  if job and job[STATE] ~= RUNNING then
    if is_waiting(job) then leave(id, job) end
    forget(id, job)
    gone[n - 1] = 1
  end
end
done()
return gone
