-- Where the keys begin.

local base = KEYS[1]
