-- with: head job index lines listen
-- Whether this ear stood by until now, and what `listen` says. ARGV: shift, ear, whether it may stand by, the
-- number and the worker under which it is to, queues, alone (1 or 0).

local lasted = ARGV[3] == '1' and stand_down(ARGV[2])
return { lasted, listen(ARGV[2], tonumber(ARGV[4]), ARGV[5], wish(ARGV[6]), ARGV[7] == '1') }
