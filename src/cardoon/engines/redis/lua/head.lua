-- Where the keys begin, and the time: that of the server, moved by the first value (0 but in tests).

local base = KEYS[1]
local time = redis.call('TIME')
local wall = time[1] + time[2] / 1000000
local now = wall + ARGV[1]
