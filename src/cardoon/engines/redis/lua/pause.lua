-- with: head wake
-- Pauses a queue, or resumes it. ARGV: shift, queue, 1 or 0.

redis.call('SADD', base .. ':queues', ARGV[2])
if ARGV[3] == '1' then
  redis.call('SADD', base .. ':paused', ARGV[2])
else
  redis.call('SREM', base .. ':paused', ARGV[2])
  woken[ARGV[2]] = 100000
end
wake_workers()
return 1
