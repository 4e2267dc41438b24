-- with: base
-- Tries each command that the scripts use, on keys of its own: the error of the first that this user may not
-- run, else the layout that the namespace has; one without jobs gets the layout of the caller.
-- ARGV: shift, the layout that the caller knows.

local key = base .. ':probe'
local tried = {
  { 'TIME' }, { 'SET', key, '0' }, { 'GET', key }, { 'MGET', key }, { 'MSET', key, '0' }, { 'INCR', key }, { 'INCRBY', key, 1 },
  { 'EXISTS', key }, { 'DEL', key },
  { 'SADD', key, 'x' }, { 'SMEMBERS', key }, { 'SCARD', key }, { 'SREM', key, 'x' },
  { 'HSET', key, 'x', '0' }, { 'HSETNX', key, 'x', '0' }, { 'HGET', key, 'x' }, { 'HMGET', key, 'x' }, { 'HGETALL', key },
  { 'HEXISTS', key, 'x' }, { 'HKEYS', key }, { 'HINCRBY', key, 'x', 1 }, { 'PEXPIRE', key, 60000 }, { 'HDEL', key, 'x' },
  { 'RPUSH', key, 'x' }, { 'LRANGE', key, 0, 0 }, { 'LLEN', key }, { 'LINDEX', key, 0 }, { 'LTRIM', key, 1, -1 },
  { 'ZADD', key, 1, 'x' }, { 'ZSCORE', key, 'x' }, { 'ZRANGE', key, 0, 0 }, { 'ZRANGEBYSCORE', key, 0, 1 },
  { 'ZREVRANGEBYSCORE', key, 1, 0 }, { 'ZCARD', key }, { 'ZREMRANGEBYSCORE', key, 2, 3 }, { 'ZREM', key, 'x' },
  { 'PUBLISH', base .. ':ear:probe', '' },
}
for _, command in ipairs(tried) do
  local answer = redis.pcall(unpack(command))
  if type(answer) == 'table' and answer.err then
    local why = string.lower(answer.err)
    if string.find(why, 'noperm') or string.find(why, 'permission') or string.find(why, 'the user executing the script') then
      return command[1] .. ': ' .. answer.err
    end
  end
end
redis.pcall('SET', base .. ':layout', ARGV[2], 'NX')
return tonumber(redis.call('GET', base .. ':layout') or ARGV[2])
