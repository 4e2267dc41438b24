"""What the server truly is: its version, its role, and what it keeps on its disk."""

from __future__ import annotations

import msgspec
from redis import exceptions

from cardoon.engines.contract import Profile
from cardoon.engines.redis.connection import Ask
from cardoon.engines.redis.place import Place
from cardoon.engines.redis.scripts import script
from cardoon.model.errors import EngineRefused, EngineUnavailable

OLDEST = (6, 2)
LAYOUT = 3
"""The number of what `KEYS.md` describes; a later one may not be read by who knows this one."""

_SENTENCES = {
    "durable": "each answered call is on the disk before it is answered",
    "fast": "survives the death of any process; a power cut may take up to 2 seconds",
    "volatile": "a restart of the server, or its lack of memory, may take any job",
}
_LAZY = "survives the death of any process; a power cut may take what the system had not written yet"
_HIDDEN = "hidden"
_OPPOSITE = {"yes": "no", "no": "yes"}


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of a server, as it tells them; `hidden` where it does not."""

    version: str
    role: str = "master"
    append_only: str = _HIDDEN
    sync: str = _HIDDEN
    sync_in_rewrite: str = _HIDDEN
    policy: str = _HIDDEN
    product: str = "Redis"

    @property
    def evicts(self) -> bool:
        """Whether it may drop jobs for lack of memory; ours never have a time to live."""
        return self.policy.startswith("allkeys")

    @property
    def name(self) -> str:
        """The profile that follows."""
        if self.append_only != "yes" or self.evicts:
            return "volatile"
        return "durable" if self.sync == "always" and self.sync_in_rewrite != "no" else "fast"

    @property
    def profile(self) -> Profile:
        """The profile with what is to be said of it."""
        return Profile(
            name=self.name,
            sentence=_LAZY if self.sync == "no" and self.name == "fast" else _SENTENCES[self.name],
            version=f"{self.product} {self.version}",
            warnings=tuple(self._warnings()),
        )

    def _warnings(self) -> list[str]:
        told = []
        if self.append_only == "yes" and self.sync == _HIDDEN:
            told.append("the server does not tell its appendfsync; it is taken for everysec")
        if self.policy == _HIDDEN:
            told.append("the server does not tell its maxmemory-policy; it must not be an allkeys one")
        return told


def examine(ask: Ask) -> Standing:
    """The standing of the server that answers to `ask`."""
    info = _info(ask("INFO"))
    settings = {**_asked(ask, "*append*"), **_asked(ask, "maxmemory*")}
    aof = {"1": "yes", "0": "no"}.get(info.get("aof_enabled", ""), _HIDDEN)
    return Standing(
        version=info.get("valkey_version") or info.get("redis_version", "0"),
        product="Valkey" if "valkey_version" in info else "Redis",
        role=info.get("role", "master"),
        append_only=settings.get("appendonly", aof),
        sync=settings.get("appendfsync", _HIDDEN),
        sync_in_rewrite=_OPPOSITE.get(settings.get("no-appendfsync-on-rewrite", ""), _HIDDEN),
        policy=settings.get("maxmemory-policy", info.get("maxmemory_policy", _HIDDEN)),
    )


def _info(data: bytes) -> dict[str, str]:
    lines = (line.partition(":") for line in data.decode("utf-8", "replace").splitlines())
    return {name: value for name, colon, value in lines if colon}


def _asked(ask: Ask, pattern: str) -> dict[str, str]:
    """Settings by name; none where it is forbidden to ask for them."""
    try:
        told = [text.decode("utf-8", "replace") for text in ask("CONFIG", "GET", pattern)]
    except exceptions.ResponseError:
        return {}
    return dict(zip(told[::2], told[1::2], strict=True))


def refuse(standing: Standing, place: Place, *, was_open: bool) -> None:
    """Raises EngineRefused when jobs would not be safe there, or could not be written."""
    if _number(standing.version) < OLDEST:
        raise EngineRefused(f"{place.shown} is {standing.product} {standing.version}; 6.2 or newer is needed")
    if standing.role != "master":
        kind = EngineUnavailable if was_open else EngineRefused
        raise kind(f"{place.shown} is a read-only replica; name its master")
    if place.allow_volatile:
        return
    if standing.evicts:
        raise EngineRefused(
            f"{place.shown} drops jobs when its memory is full (maxmemory-policy {standing.policy}): set "
            "maxmemory-policy noeviction, or accept it with ?allow_volatile=true"
        )
    if standing.name == "volatile":
        raise EngineRefused(
            f"{place.shown} keeps too little on its disk (appendonly {standing.append_only}): set appendonly "
            "yes and appendfsync always, or accept it with ?allow_volatile=true"
        )


def check_access(ask: Ask, place: Place) -> None:
    """Raises EngineRefused when a right is missing, or when the namespace has a newer layout."""
    told = ask("EVAL", script("probe").text, 1, f"{{{place.namespace}}}", 0, LAYOUT)
    if isinstance(told, bytes):
        raise EngineRefused(
            f"{place.shown}: this user may not run {told.decode('utf-8', 'replace')}; grant the rights that "
            "docs/engines.md names with ACL SETUSER"
        )
    if told != LAYOUT:
        what_to_do = (
            "upgrade Cardoon" if told > LAYOUT else "it is from before the first release, use another"
        )
        raise EngineRefused(
            f"the namespace {place.namespace} on {place.shown} has layout {told}, this Cardoon knows "
            f"{LAYOUT}: {what_to_do}"
        )


def _number(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:2]
    return tuple(int(part) if part.isdecimal() else 0 for part in parts)
