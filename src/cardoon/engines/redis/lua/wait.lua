-- with: head job lines listen
-- Whether there may be something to claim, and if not when: what `listen` says. ARGV: shift, ear, queues, alone
-- (1 or 0).

return listen(ARGV[2], wish(ARGV[3]), ARGV[4] == '1')
