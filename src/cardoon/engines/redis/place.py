"""Where the jobs lie: what a URL says of the server, and of the names of the keys on it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

from cardoon.model.errors import ConfigurationError, nearest
from cardoon.model.url import mask

PROFILES = ("durable", "fast")
_OWN = ("namespace", "profile", "retention", "allow_volatile")
_OF_THE_LIBRARY = (
    "db",
    "username",
    "password",
    "ssl_ca_certs",
    "ssl_ca_path",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_password",
    "ssl_cert_reqs",
    "ssl_check_hostname",
)
_YES_OR_NO = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_NAME_LIMIT = 100
_UNFIT = frozenset(" {}[]*?\\")
"""What would mean something in a key, or in the pattern that finds all of them."""


class Place(NamedTuple):
    """A namespace on a server. `url` is what the library gets, and may hold a password: show `shown`."""

    url: str
    shown: str
    namespace: str
    profile: str
    retention: float
    allow_volatile: bool


def parse(url: str, *, profile: str, retention: float | None) -> Place:
    """The place of a URL; raises ConfigurationError for options that nobody knows."""
    head, _, query = url.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    known = (*_OWN, *_OF_THE_LIBRARY)
    for name in options:
        if name not in known:
            raise ConfigurationError(f"the redis URL has no option {name!r}{nearest(name, known)}")
    _check_database(head)
    for_the_library = urlencode({name: options[name] for name in options if name in _OF_THE_LIBRARY})
    return Place(
        url=f"{head}?{for_the_library}",
        shown=mask(head),
        namespace=_namespace(options.get("namespace", "cardoon")),
        profile=_profile(options.get("profile", profile)),
        retention=_retention(options.get("retention", retention)),
        allow_volatile=_allow_volatile(options.get("allow_volatile", "false")),
    )


def _check_database(head: str) -> None:
    """The library takes what is no number for the first database."""
    parts = urlsplit(head)
    database = parts.path.strip("/")
    if parts.scheme != "unix" and database and not database.isdecimal():
        raise ConfigurationError(
            f"the redis URL names the database {database!r}; it has a number, such as /0"
        )


def _namespace(name: str) -> str:
    if not name or len(name) > _NAME_LIMIT or not name.isprintable() or set(name) & _UNFIT:
        raise ConfigurationError(
            f"{name!r} names no namespace: 1 to {_NAME_LIMIT} printable characters, no space, bracket, star, "
            "question mark or backslash"
        )
    return name


def _profile(name: str) -> str:
    if name not in PROFILES:
        raise ConfigurationError(f"profile must be one of {', '.join(PROFILES)}, not {name!r}")
    return name


def _retention(given: str | float | None) -> float:
    try:
        return float("inf") if given in (None, "none") else float(given)
    except ValueError:
        raise ConfigurationError(f"retention must be seconds, or none for ever, not {given!r}") from None


def _allow_volatile(given: str) -> bool:
    try:
        return _YES_OR_NO[given.lower()]
    except KeyError:
        raise ConfigurationError(f"allow_volatile must be true or false, not {given!r}") from None
