"""Addresses of engines as they may be shown: without their secrets."""

from __future__ import annotations

import re

HIDDEN = "***"

_NAME = r"(?:^|[?&;\s])[^=&;\s?]*(?:password|passwd|secret|token)[^=&;\s]*"
_SECRET = re.compile(rf"({_NAME}=)('[^']*'|[^&\s]*)", re.I)
_START = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.I)


def mask(url: str) -> str:
    """The address with `***` for its password and for parameters that are named like a secret.

    Made for what people really write: a password may hold `@`, `/`, `?` and `#` unescaped. Where an
    address can be read in two ways, more is hidden rather than less.
    """
    start = _START.match(url)
    cut = start.end() if start else 0
    return url[:cut] + _SECRET.sub(rf"\g<1>{HIDDEN}", _without_password(url[cut:]))


def _without_password(rest: str) -> str:
    user, at, host = rest.rpartition("@")
    if not at or ":" not in user or rest.startswith("/"):
        return rest
    return f"{user.partition(':')[0]}:{HIDDEN}@{host}"
