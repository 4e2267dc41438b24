-- with: base
-- Writes a schedule: 1, or 0 when it is there already and is only to be seeded.
-- ARGV: shift, name, next moment or '', whether it is enabled (1 or 0), data, seed (1 or 0).

if ARGV[6] == '1' and redis.call('HEXISTS', base .. ':schedules', ARGV[2]) == 1 then return 0 end
redis.call('HSET', base .. ':schedules', ARGV[2], ARGV[4] .. ' ' .. ARGV[3])
redis.call('HSET', base .. ':schedule-data', ARGV[2], ARGV[5])
return 1
