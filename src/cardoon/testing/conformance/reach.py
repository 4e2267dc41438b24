"""What a law can do to the server of an engine, as far as its URL tells."""

from __future__ import annotations

from urllib.parse import urlsplit

from cardoon.testing import faults

NETWORK, SERVER = "network", "server"


def address(url: str) -> tuple[str, int] | None:
    """Host and port, where the URL names both."""
    parts = urlsplit(url)
    return (parts.hostname, parts.port) if parts.hostname and parts.port else None


def reach(url: str) -> frozenset[str]:
    """`network` where a proxy can stand before the server, `server` where it is ours and may be killed.

    Before one that is reached by TLS no proxy can stand: it would not be whom the certificate names.
    """
    where = address(url)
    if where is None or urlsplit(url).scheme.endswith("ss"):
        return frozenset()
    return frozenset({NETWORK, SERVER} if faults.server_at(*where) else {NETWORK})
