-- Names for numbers and formats. When a script is put together each is replaced by what it stands for: Lua has
-- no constants, and a function costs more, at each run of its script, the more locals it refers to.

-- The fields of a job, in their order; what is not there is false. From FINISHED to LAST are those of the rest.
SEQ = 1
CREATED = 2
STATE = 3
QUEUE = 4
PRIORITY = 5
FLAGS = 6
BODY = 7
TOKEN = 8
ATTEMPT = 9
STARTED = 10
WORKER = 11
FINISHED = 12
RESULT = 13
ERROR = 14
NOTE = 15
PROGRESS = 16
DUE = 17
EXPIRES = 18
RETRIES = 19
CRASHES = 20
LAST = 20

-- A record begins with its birth: state, flags, priority, number, moment, queue and body. Where there was an
-- attempt, or there is a rest, follow token, attempt, start (0 for none) and worker ('' for none), then the rest.
BIRTH = '<BBBI6dI2c0I4c0'
ATTEMPTED = '<I4I4dI2c0'
BIRTH_AND_REST = '<BBBI6dI2c0I4c0c0'
WHOLE = '<BBBI6dI2c0I4c0I4I4dI2c0c0'

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

-- For so many seconds an ear hears; who waits looks each second, and listens anew.
LISTENS = 2

-- What an ear is told begins with one of these: there is work, this job is yours, these ended.
WORD = 'w'
HAND = 'h'
ENDS = 'e'

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
