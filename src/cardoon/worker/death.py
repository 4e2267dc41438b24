"""How a process ended, and what that says of the jobs it ran."""

from __future__ import annotations

import signal

import msgspec

from cardoon.worker import exits


class Death(msgspec.Struct, frozen=True, kw_only=True):
    """The end of one process. `code` is its exit code, or minus the signal that ended it; `deadline` the
    hard limit on its slate that had passed, if one had; `overtime` says that its supervisor ended it
    for that.
    """

    worker: str
    name: str
    code: int
    orderly: bool
    peak_memory: int
    log: tuple[str, ...]
    stack: str
    deadline: tuple[float, float, str]
    overtime: bool = False
    forced: bool = False

    @property
    def crashed(self) -> bool:
        """Whether its jobs are to be suspected: nobody ended it on purpose, and it did not say goodbye."""
        return not (self.orderly or self.forced or self.overtime or self.code in exits.INNOCENT)

    @property
    def cause(self) -> str:
        """The exit code or the signal, in words."""
        if self.code >= 0:
            return f"exit code {self.code}"
        try:
            return f"signal {-self.code} ({signal.Signals(-self.code).name})"
        except ValueError:
            return f"signal {-self.code}"

    @property
    def evidence(self) -> str:
        """Everything that may help to find out why: for the job's history."""
        parts = [f"process ended by {self.cause}, peak memory {self.peak_memory / 2**20:.0f} MiB"]
        if self.stack:
            parts.append(self.stack)
        if self.log:
            parts.append("last lines of its log:\n" + "\n".join(self.log[-20:]))
        return "\n\n".join(parts)
