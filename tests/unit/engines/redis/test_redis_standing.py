"""What is concluded from the settings of a server, and from its errors."""

from __future__ import annotations

from fnmatch import fnmatch
from typing import Any

import pytest
from redis import exceptions

from cardoon.engines.redis.faults import translated
from cardoon.engines.redis.place import parse
from cardoon.engines.redis.standing import Standing, examine, refuse
from cardoon.model.errors import EngineFull, EngineRefused, EngineUnavailable

SAFE = Standing(version="7.0.15", append_only="yes", sync="always", policy="noeviction")


def changed(**changes: str) -> Standing:
    return Standing(**{**{name: getattr(SAFE, name) for name in SAFE.__struct_fields__}, **changes})


def answers(info: str, **settings: str) -> Any:
    """What a server says; settings that are not given may not be asked for."""

    def ask(*words: str) -> Any:
        if words[0] == "INFO":
            return info.encode()
        if not settings:
            raise exceptions.NoPermissionError("no")
        found = {name: value for name, value in settings.items() if fnmatch(name.replace("_", "-"), words[2])}
        return [text.replace("_", "-").encode() for item in found.items() for text in item]

    return ask


@pytest.mark.parametrize(
    ("standing", "profile"),
    [
        (SAFE, "durable"),
        (changed(sync="everysec"), "fast"),
        (changed(sync="no"), "fast"),
        (changed(sync_in_rewrite="no"), "fast"),
        (changed(sync="hidden"), "fast"),
        (changed(append_only="no"), "volatile"),
        (changed(append_only="hidden"), "volatile"),
        (changed(policy="allkeys-lru"), "volatile"),
        (changed(policy="volatile-lru"), "durable"),
    ],
)
def test_the_profile_follows_from_the_settings(standing: Standing, profile: str) -> None:
    assert standing.profile.name == profile


def test_what_cannot_be_asked_is_taken_from_what_is_told_and_is_said() -> None:
    told = examine(
        answers("redis_version:6.2.7\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\nrole:master")
    )
    assert (told.append_only, told.policy, told.profile.name) == ("yes", "noeviction", "fast")
    assert any("appendfsync" in warning for warning in told.profile.warnings)


def test_valkey_is_told_from_redis() -> None:
    told = examine(
        answers("redis_version:7.2.4\r\nvalkey_version:8.1.0", appendonly="yes", appendfsync="always")
    )
    assert told.profile.version == "Valkey 8.1.0"


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (changed(version="6.0.16"), "6.0.16; 6.2 or newer"),
        (changed(role="slave"), "read-only replica"),
        (changed(policy="allkeys-lru"), "maxmemory-policy noeviction"),
        (changed(append_only="no"), "appendonly"),
    ],
)
def test_what_is_not_safe_is_refused_with_what_to_change(standing: Standing, words: str) -> None:
    place = parse("redis://:s3cret@h", profile="durable", retention=None)
    with pytest.raises(EngineRefused, match=words) as caught:
        refuse(standing, place, was_open=False)
    assert "s3cret" not in str(caught.value)


def test_a_forgetful_server_can_be_accepted_by_name() -> None:
    place = parse("redis://h?allow_volatile=true", profile="durable", retention=None)
    refuse(changed(append_only="no", policy="allkeys-lru"), place, was_open=False)


def test_a_master_that_became_a_replica_is_waited_for() -> None:
    place = parse("redis://h", profile="durable", retention=None)
    with pytest.raises(EngineUnavailable):
        refuse(changed(role="slave"), place, was_open=True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), EngineUnavailable),
        (exceptions.MasterDownError("Link with MASTER is down"), EngineUnavailable),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), EngineUnavailable),
        (exceptions.ResponseError("BUSY Redis is busy running a script."), EngineUnavailable),
        (exceptions.ConnectionError("max number of clients reached"), EngineUnavailable),
        (exceptions.TimeoutError("Timeout reading from socket"), EngineUnavailable),
        (exceptions.ClusterDownError("The cluster is down"), EngineUnavailable),
        (exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), EngineFull),
        (exceptions.ResponseError("Error running script: -OOM command not allowed"), EngineFull),
        (exceptions.ResponseError("MISCONF Errors writing to the AOF file: No space left"), EngineFull),
        (exceptions.AuthenticationError("invalid username-password pair"), EngineRefused),
        (exceptions.NoPermissionError("this user has no permissions to run 'eval'"), EngineRefused),
        (exceptions.ResponseError("WRONGTYPE Operation against a key"), EngineRefused),
        (ConnectionResetError(104, "Connection reset by peer"), EngineUnavailable),
    ],
)
def test_each_error_has_its_place_in_the_tree(error: Exception, kind: type[Exception]) -> None:
    assert type(translated(error, "redis://h")) is kind
