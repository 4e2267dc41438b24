"""How a worker's processes end: their exit codes (sysexits.h where it has one), and the crash."""

from __future__ import annotations

import logging
import os
from typing import NoReturn

from cardoon.model.job import Claim

log = logging.getLogger("cardoon.worker")

UNAVAILABLE = 69
"""The engine was not reached."""
ORPHANED = 70
"""Its supervisor died, as far as it can see."""
CRASHED = 71
"""Something failed outside the body of a task."""
STUCK = 74
"""A call to the engine did not come back."""
PASSED_LIMIT = 75
"""A job passed its hard limit, or was to be ended: the process ended itself."""
MISCONFIGURED = 78
"""The application or its configuration is wrong."""

INNOCENT = frozenset({UNAVAILABLE, STUCK, PASSED_LIMIT, MISCONFIGURED})
"""A process that ends so was not ended by the jobs that it ran.

ORPHANED is not among them: a supervisor that reads it lives, and so a job closed the line to it.
"""


def crash(claim: Claim) -> NoReturn:
    """End this process: what runs an attempt failed itself, so that no outcome is to be had.

    In a thread it would go unseen; so the job becomes a suspect, as if the whole process had failed.
    """
    try:
        log.critical("running %s failed; ending this process", claim.id, exc_info=True)
    finally:
        os._exit(CRASHED)
