"""What becomes of a job whose worker is gone: the same on every engine."""

from __future__ import annotations

from cardoon.engines.contract import EVIDENCE_BYTES, SOLO_CRASHES_TO_QUARANTINE
from cardoon.model.errors import WorkerLostError
from cardoon.model.outcome import ErrorReport
from cardoon.model.states import State

DIED = "its worker died"


def after(crashed: bool, crashes: int, cancelling: bool) -> tuple[State, str]:
    """The state it has then, and the note that says why; `crashes` counts this one."""
    if cancelling:
        return State.CANCELLED, "cancelled; its worker is gone"
    if crashed and crashes >= SOLO_CRASHES_TO_QUARANTINE:
        return State.QUARANTINED, f"its workers died under it {crashes} times while it ran alone"
    return State.READY, ""


def kept(evidence: str) -> str:
    """As much of the evidence as is kept, in letters that every engine can store."""
    return evidence.encode("utf-8", "backslashreplace")[:EVIDENCE_BYTES].decode("utf-8", "ignore")


def lost(words: str, evidence: str) -> ErrorReport:
    """The error of an attempt that ended with its worker; the evidence stands where a traceback would."""
    kind = WorkerLostError
    return ErrorReport(module=kind.__module__, type=kind.__qualname__, message=words, traceback=evidence)
