-- with: base
-- Gives a worker its order, '' takes it back: 1, or 0 when it is unknown. ARGV: shift, worker, order.

if redis.call('HEXISTS', base .. ':workers', ARGV[2]) == 0 then return 0 end
if ARGV[3] == '' then
  redis.call('HDEL', base .. ':orders', ARGV[2])
else
  redis.call('HSET', base .. ':orders', ARGV[2], ARGV[3])
end
return 1
