-- with: head wake put
-- Stores new jobs, all or none: for each whether it is new. ARGV: shift; then the jobs.

local new = put_all(2, (#ARGV - 1) / 3)
write_counts()
wake_workers()
return new
