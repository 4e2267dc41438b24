"""When to try again: (policy, retries so far, error) -> a delay, or give up."""

from __future__ import annotations

import msgspec

from cardoon.model import clock

DEFAULT_MAX_RETRIES = 3
DEFAULT_RETRY_DELAY = 180.0
DEFAULT_BACKOFF_MAX = 600.0

ErrorTypes = tuple[type[BaseException], ...]


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How a task is retried. Delays are seconds.

    Without `backoff` every delay is `delay`; with it the n-th is `backoff * 2**n`, at most
    `backoff_max`, and with `jitter` drawn evenly from [0, that]. `max_retries=None` is endless.
    """

    max_retries: int | None = DEFAULT_MAX_RETRIES
    delay: float = DEFAULT_RETRY_DELAY
    backoff: float = 0.0
    backoff_max: float = DEFAULT_BACKOFF_MAX
    jitter: bool = True
    retry_for: ErrorTypes = ()
    dont_retry_for: ErrorTypes = ()

    def covers(self, error: BaseException) -> bool:
        """Whether this error is one to retry by itself."""
        return isinstance(error, self.retry_for) and not isinstance(error, self.dont_retry_for)

    def allows(self, retries: int, max_retries: int | None = None) -> bool:
        """Whether one more retry is left after `retries` of them; `max_retries` overrides."""
        most = self.max_retries if max_retries is None else max_retries
        return most is None or retries < most

    def delay_after(self, retries: int) -> float:
        """Seconds to wait before the retry that follows `retries` earlier ones."""
        if not self.backoff:
            return self.delay
        ceiling = min(self.backoff * 2.0 ** min(retries, 64), self.backoff_max)
        return clock.full_jitter(ceiling) if self.jitter else ceiling
