-- Names for numbers. When a script is put together each is replaced by its number: Lua has no constants, and a
-- function costs more, at each run of its script, the more locals it refers to.

-- The fields of a job, in their order; what is not there is false. What is missing at first comes last.
SEQ = 1
CREATED = 2
STATE = 3
QUEUE = 4
PRIORITY = 5
FLAGS = 6
TOKEN = 7
ATTEMPT = 8
DUE = 9
EXPIRES = 10
BODY = 11
RETRIES = 12
CRASHES = 13
STARTED = 14
FINISHED = 15
WORKER = 16
RESULT = 17
ERROR = 18
NOTE = 19
PROGRESS = 20

-- The states; those from FIRST_FINAL on are final.
DELAYED = 1
READY = 2
PARKED = 4
RUNNING = 5
RETRYING = 6
FIRST_FINAL = 7
SUCCEEDED = 7
CANCELLED = 11
EXPIRED = 12

-- The bits of FLAGS.
SUSPECT = 1
CANCELLING = 2
TERMINATING = 4

-- 2^48: more than there will be jobs.
WIDTH = 281474976710656

-- So many jobs stand in one hash of the index: it stays a compact one.
BUCKET = 100

MOST_AT_ONCE = 1000
MOST_PASSED_OVER = 10000

-- The marks of an end: what follows it, and what it says.
HAS_RESULT = 1
HAS_ERROR = 2
HAS_NOTE = 4
HAS_TASK = 8
HAS_MESSAGE = 16
IS_FREE = 32
HAS_DUE = 64
HAS_START = 128
