"""The states of a job and the legal moves between them; `docs/states.md` is rendered from here."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a job is. The names stand in the tables, logs, pages and the command line."""

    DELAYED = "delayed"
    READY = "ready"
    BLOCKED = "blocked"
    PARKED = "parked"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    RESULT_LOST = "result_lost"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    QUARANTINED = "quarantined"


MEANING: dict[State, str] = {
    State.DELAYED: "waits in the engine for its due time",
    State.READY: "waits in its queue for a worker",
    State.BLOCKED: "waits for a lock, a limit or other jobs, outside the ready line",
    State.PARKED: "no worker here can run it (unknown task, newer envelope, unreadable row); kept",
    State.RUNNING: "claimed by a worker",
    State.RETRYING: "failed an attempt and waits for the next one",
    State.SUCCEEDED: "the body returned",
    State.RESULT_LOST: "the body returned, but its result could not be stored; not run again",
    State.FAILED: "the last attempt raised",
    State.SKIPPED: "ended without doing its work, on purpose",
    State.CANCELLED: "revoked before it finished",
    State.EXPIRED: "not started before its `expires`",
    State.QUARANTINED: "its workers died under it, alone, too often",
}

WAITING = frozenset({State.DELAYED, State.READY, State.BLOCKED, State.PARKED, State.RETRYING})
FINAL = frozenset(
    {
        State.SUCCEEDED,
        State.RESULT_LOST,
        State.FAILED,
        State.SKIPPED,
        State.CANCELLED,
        State.EXPIRED,
        State.QUARANTINED,
    }
)

_ENDS_OF_WAITING = {State.CANCELLED, State.EXPIRED}
_ENDS_OF_RUNNING = {
    State.SUCCEEDED,
    State.RESULT_LOST,
    State.FAILED,
    State.SKIPPED,
    State.CANCELLED,
    State.QUARANTINED,
}

MOVES: dict[State, frozenset[State]] = {
    State.DELAYED: frozenset({State.READY} | _ENDS_OF_WAITING),
    State.READY: frozenset({State.RUNNING, State.PARKED} | _ENDS_OF_WAITING),
    State.BLOCKED: frozenset({State.READY} | _ENDS_OF_WAITING),
    State.PARKED: frozenset({State.READY} | _ENDS_OF_WAITING),
    State.RUNNING: frozenset({State.READY, State.RETRYING, State.PARKED} | _ENDS_OF_RUNNING),
    State.RETRYING: frozenset({State.READY} | _ENDS_OF_WAITING),
    **{state: frozenset() for state in FINAL},
}
"""From each state, those that may follow. A final state is left only by an explicit replay."""


def may_move(before: State, after: State) -> bool:
    """Whether a job may go from one state straight to the other."""
    return after in MOVES[before]


PENDING, STARTED, RETRY, PROGRESS = "PENDING", "STARTED", "RETRY", "PROGRESS"
SUCCESS, FAILURE, REVOKED, SKIPPED, UNKNOWN = "SUCCESS", "FAILURE", "REVOKED", "SKIPPED", "UNKNOWN"

CELERY_NAMES: dict[State, str] = {
    State.DELAYED: PENDING,
    State.READY: PENDING,
    State.BLOCKED: PENDING,
    State.PARKED: PENDING,
    State.RUNNING: STARTED,
    State.RETRYING: RETRY,
    State.SUCCEEDED: SUCCESS,
    State.RESULT_LOST: SUCCESS,
    State.FAILED: FAILURE,
    State.SKIPPED: SKIPPED,
    State.CANCELLED: REVOKED,
    State.EXPIRED: REVOKED,
    State.QUARANTINED: FAILURE,
}
"""What `AsyncResult.state` says: the words of Celery, and SKIPPED and UNKNOWN where it had none."""
