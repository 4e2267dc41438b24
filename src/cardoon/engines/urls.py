"""From a URL to an engine. A driver is imported when its URL is first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from cardoon.engines.contract import RETENTION_SECONDS, Engine
from cardoon.model.errors import ConfigurationError, nearest

BUILT_IN = {
    "memory": "cardoon.engines.memory:MemoryEngine",
    "sqlite": "cardoon.engines.sqlite.engine:SqliteEngine",
    "postgresql": "cardoon.engines.postgres.engine:PostgresEngine",
    "postgres": "cardoon.engines.postgres.engine:PostgresEngine",
    "redis": "cardoon.engines.redis.engine:RedisEngine",
    "rediss": "cardoon.engines.redis.engine:RedisEngine",
    "unix": "cardoon.engines.redis.engine:RedisEngine",
}
GROUP = "cardoon.engines"
"""The entry point group in which other packages offer engines by the scheme of their URLs."""


def connect(url: str, *, profile: str = "durable", retention: float | None = RETENTION_SECONDS) -> Engine:
    """The engine of a URL, not yet opened; raises ConfigurationError for a scheme that nobody offers.

    `profile` and `retention` (seconds that a final job is remembered; None is for ever) hold unless
    the URL's own options say otherwise.
    """
    scheme = url.partition(":")[0]
    if scheme in BUILT_IN:
        return _built_in(scheme)(url, profile=profile, retention=retention)  # type: ignore[no-any-return]
    offered = _offered()
    if scheme in offered:
        return offered[scheme].load()(url, profile=profile, retention=retention)  # type: ignore[no-any-return]
    known = [*BUILT_IN, *offered]
    raise ConfigurationError(
        f"no engine for {scheme!r}{nearest(scheme, known)} (there are: {', '.join(known)}); "
        "write for example sqlite:///jobs.db"
    )


def _built_in(scheme: str) -> Any:
    module, _, name = BUILT_IN[scheme].partition(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("cardoon"):
            raise
        extra = module.split(".")[2]
        raise ConfigurationError(
            f"{scheme}:// needs {error.name!r}, which is not installed: pip install 'cardoon[{extra}]'"
        ) from None


def _offered() -> dict[str, Any]:
    from importlib import metadata  # here: a fifth of the time that `import cardoon` may take

    return {point.name: point for point in metadata.entry_points(group=GROUP)}
