"""Where the jobs lie: server, schema and options from a URL; how connections to it are made."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import msgspec
import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from cardoon.engines.contract import CALL_SECONDS
from cardoon.model.errors import ConfigurationError, nearest
from cardoon.model.url import mask

PROFILES = ("durable", "fast")
SCHEMA = "cardoon"
_OPTIONS = ("profile", "retention", "schema")
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,50}\Z")
_LOCAL = re.compile(r"localhost\Z|127\.|::1\Z|/|@|\Z")
_SYSTEM_ROOTS_SINCE = 160000
_SECONDS = int(CALL_SECONDS)
_SETTINGS = {
    "statement_timeout": f"{_SECONDS * 1000}",
    "idle_in_transaction_session_timeout": "2000",  # who is stopped within a step holds up others
    "default_transaction_isolation": "read\\ committed",
    "client_min_messages": "error",
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
}
_KEPT_ALIVE = {
    "connect_timeout": _SECONDS,
    "tcp_user_timeout": _SECONDS * 1000,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "application_name": "cardoon",
}


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """`libpq` is for the driver and holds the password; `shown` names the place without it."""

    libpq: dict[str, Any]
    schema: str
    profile: str
    retention: float
    shown: str

    @property
    def quoted(self) -> str:
        """The schema as SQL writes it."""
        return f'"{self.schema}"'

    def __repr__(self) -> str:
        return f"Place({self.shown})"


def parse(url: str, profile: str = "durable", retention: float | None = None) -> Place:
    """The place of `postgresql://user:password@host/database?schema=...`; raises ConfigurationError.

    What is no option of ours is libpq's. Without a word on TLS a server that is not on this host must show
    a certificate for its name that the system trusts.
    """
    head, _, query = url.partition("?")
    given = parse_qsl(query, keep_blank_values=True)
    ours = {name: value for name, value in given if name in _OPTIONS}
    libpq = _for_libpq(url, head, [(name, value) for name, value in given if name not in _OPTIONS])
    schema, profile = ours.get("schema", SCHEMA), ours.get("profile", profile)
    if not _NAME.match(schema) or schema.startswith("pg_"):
        raise ConfigurationError(f"schema must be a name of small letters, digits and _, not {schema!r}")
    if profile not in PROFILES:
        raise ConfigurationError(f"profile must be one of {', '.join(PROFILES)}, not {profile!r}")
    return Place(
        libpq=libpq,
        schema=schema,
        profile=profile,
        retention=_retention(ours.get("retention", retention)),
        shown=f"{libpq.get('host', 'local socket')}:{libpq.get('port', 5432)}/{libpq.get('dbname', '')}",
    )


def _for_libpq(url: str, head: str, options: list[tuple[str, str]]) -> dict[str, Any]:
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    for name, _ in options:
        if name not in known and name != "ssl":
            raise ConfigurationError(
                f"the PostgreSQL URL has no option {name!r}{nearest(name, [*_OPTIONS, *known])}"
            )
    try:
        said: dict[str, Any] = dict(conninfo_to_dict(f"{head}?{urlencode(options, quote_via=quote)}"))
    except psycopg.Error:
        # The driver's own words may hold a part of the password.
        raise ConfigurationError(
            f"{mask(url)!r} cannot be read: write postgresql://user:password@host:5432/database, with "
            "%40 for @ and %2F for / in a password"
        ) from None
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    return {**_KEPT_ALIVE, **_verified(said), "options": f"{settings} {said.get('options', '')}".strip()}


def _verified(said: dict[str, Any]) -> dict[str, Any]:
    hosts = str(said.get("host", os.environ.get("PGHOST", ""))).split(",")
    is_said = "sslmode" in said or "PGSSLMODE" in os.environ or "service" in said or "PGSERVICE" in os.environ
    if is_said or all(_LOCAL.match(host) for host in hosts):
        return said
    if "sslrootcert" in said or "PGSSLROOTCERT" in os.environ or pq.version() < _SYSTEM_ROOTS_SINCE:
        return {**said, "sslmode": "verify-full"}
    return {**said, "sslmode": "verify-full", "sslrootcert": "system"}


def _retention(given: str | float | None) -> float:
    try:
        return float("inf") if given in (None, "none") else float(given)
    except ValueError:
        raise ConfigurationError(f"retention must be seconds, or none for ever, not {given!r}") from None
