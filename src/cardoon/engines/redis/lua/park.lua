-- with: head job wake line
-- Parks a job whose message could not be read by who claimed it, free of charge; 1 or 0 when it was lost.
-- ARGV: shift, id, seq, token, task, note.

local id = ARGV[2]
local job = owned(id, tonumber(ARGV[3]), tonumber(ARGV[4]))
if not job then return 0 end
let_go(id, job)
job[ATTEMPT], job[NOTE] = job[ATTEMPT] - 1, ARGV[6]
park(id, job, ARGV[5])
save(id, job)
done()
return 1
