"""SQLite's own words for a filter."""

from __future__ import annotations

import json
from collections.abc import Collection

from cardoon.engines.where import Sql, Where


class _Sqlite(Sql):
    def among(self, column: str, names: Collection[str]) -> Where:
        """See `Sql.among`. SQLite's JSON ends at a NUL: a name that has one goes by itself."""
        plain = json.dumps([name for name in sorted(names) if "\0" not in name])
        odd = [name for name in sorted(names) if "\0" in name]
        terms = [f"{column} IN (SELECT value FROM json_each(?))", *[f"{column} = ?"] * len(odd)]
        return Where(f"({' OR '.join(terms)})", [plain, *odd], exact=True)

    def json(self, column: str, *, fold: bool) -> str:
        """See `Sql.json`."""
        return f"lower({column})" if fold else f"CAST({column} AS TEXT)"


_words = _Sqlite()
where, among = _words.where, _words.among
