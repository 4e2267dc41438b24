"""The failpoints of Cardoon, in the order in which a job meets them."""

from __future__ import annotations

OWN = "own."
"""How the names begin that an application makes up for itself."""

NAMES = {
    "enq.before_send": "before a push begins",
    "enq.batch_middle": "within the step of a push: nothing of it is stored for good yet",
    "enq.after_commit": "the pushed jobs are stored, nobody was woken yet",
    "enq.after_send_before_reply": "the last moment of a push, before its caller knows",
    "claim.before": "before a claim begins",
    "claim.after_commit_before_return": "the jobs are claimed, their worker does not know",
    "claim.after_return": "in the worker: it knows its claims, none has started",
    "run.before_fork": "in the supervisor: before a worker process is started",
    "run.before_body": "in the worker: before the body of a task",
    "run.in_body": "in the worker: where the body of a task begins",
    "run.after_body": "in the worker: the body returned or raised, its end is not settled",
    "hb.before": "in the supervisor: before a beat",
    "hb.after": "in the supervisor: after a beat",
    "fin.before": "before the step that settles ends",
    "fin.after_commit_before_reply": "the ends are stored, their worker does not know",
    "fin.after_reply": "in the worker: it knows that its ends are stored",
    "sweep.seen_dead": "a sweep found dead workers, and has done nothing yet",
    "sweep.middle_of_batch": "within the step of a sweep, after the dead were retired",
    "sweep.after_release": "the step of a sweep is stored, nobody was woken yet",
    "lock.after_acquire": "a lock is held, its owner does not know",
    "lock.renew": "before a lock is renewed",
    "sched.before_claim_moment": "before a due moment of a schedule is fired",
    "sched.after_commit": "the jobs of a due moment are stored, the scheduler does not know",
}
