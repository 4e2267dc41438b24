-- The ids of jobs by their numbers: so a line of new jobs needs to hold numbers alone.

-- The ids of the first `many` of these numbers, '' for what was forgotten.
local function ids_of(numbers, many)
  local ids, first = {}, 1
  while first <= many do
    local bucket, fields, last = math.floor(numbers[first] / BUCKET), {}, first
    while last <= many and math.floor(numbers[last] / BUCKET) == bucket do
      fields[#fields + 1] = numbers[last] % BUCKET
      last = last + 1
    end
    for n, id in ipairs(redis.call('HMGET', base .. ':i:' .. bucket, unpack(fields))) do ids[first + n - 1] = id or '' end
    first = last
  end
  return ids
end
