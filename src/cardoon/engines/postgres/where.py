"""PostgreSQL's own words for a filter."""

from __future__ import annotations

from collections.abc import Collection

from cardoon.engines.postgres.rows import stored
from cardoon.engines.postgres.wire import texts
from cardoon.engines.where import Sql, Where


class _Postgres(Sql):
    mark = "%s"
    number = "%s::float8"
    true, false = "true", "false"
    position = "strpos"

    def among(self, column: str, names: Collection[str]) -> Where:
        """See `Sql.among`."""
        kept = texts([stored(name) for name in sorted(names)])
        return Where(f"({column} = ANY(%s))", [kept], exact=True)

    def stored(self, text: str) -> str:
        """See `Sql.stored`."""
        return stored(text)

    def json(self, column: str, *, fold: bool) -> str:
        """See `Sql.json`. Bodies are bytes, shown as `encode` escapes them."""
        text = f"encode({column}, 'escape')"
        return f"lower({text})" if fold else text

    def in_json(self, text: str) -> str:
        """See `Sql.in_json`."""
        return "".join(chr(byte) if byte < 128 else f"\\{byte:03o}" for byte in text.encode())


_words = _Postgres()
where, among = _words.where, _words.among
