-- with: base
-- Which of these jobs are final: ids and jobs. ARGV: shift; then ids.

local found = {}
for n = 2, #ARGV do
  local kept = redis.call('GET', base .. ':j:' .. ARGV[n])
  if kept and string.byte(kept) >= FIRST_FINAL then
    found[#found + 1] = ARGV[n]
    found[#found + 1] = kept
  end
end
return found
