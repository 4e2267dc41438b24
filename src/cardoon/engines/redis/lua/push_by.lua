-- with: head job wake put
-- Stores the jobs that an attempt sends: for each whether it is new, or -1 when the attempt does not own its
-- job any more. ARGV: shift, id, seq and token of the attempt; then the jobs.

if not owned(ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])) then return -1 end

local new = put_all(5, (#ARGV - 4) / 3)
write_counts()
wake_workers()
return new
