-- with: head job index lines
-- Whether a suspect of these queues waits: 1 or 0. ARGV: shift, queues.

return oldest_suspect(wish(ARGV[2])) and 1 or 0
