"""Ids as keys of Redis and values have them: half as long."""

from __future__ import annotations

import re
from collections.abc import Sequence

_UUID = re.compile(r"(?!ff)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch
TEXT = b"\xff"
"""What the key of any other id begins with."""

_AS_ZERO = bytes.maketrans(b"123456789abcdef", b"0" * 15)
_LINE = b"00000000-0000-0000-0000-000000000000\n"


def key_of(id: str) -> bytes:
    """An id as the keys have it: the 16 bytes of a UUID, any other text marked as such."""
    if _UUID(id):
        return bytes.fromhex(id.replace("-", ""))
    return TEXT + id.encode("utf-8", "surrogatepass")


def keys_of(ids: Sequence[str]) -> list[bytes]:
    """`key_of` for each of them, in a third of the time where all are UUIDs."""
    lines = ("\n".join(ids) + "\n").encode("utf-8", "surrogatepass")
    if lines.translate(_AS_ZERO) == _LINE * len(ids):
        keys = bytes.fromhex(lines.translate(None, b"-\n").decode())
        if TEXT[0] not in keys[::16]:
            return [keys[at : at + 16] for at in range(0, len(keys), 16)]
    return list(map(key_of, ids))


def id_of(key: bytes) -> str:
    """The id of a key."""
    if key.startswith(TEXT):
        return key[1:].decode("utf-8", "surrogatepass")
    text = key.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
