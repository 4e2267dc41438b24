"""Where a PostgreSQL URL leads, and what is asked of the connection to it."""

from __future__ import annotations

import pytest

from cardoon.engines.postgres.place import parse
from cardoon.model.errors import ConfigurationError


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGHOST", "PGSSLMODE", "PGSSLROOTCERT", "PGSERVICE"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://localhost/d",
        "postgres://u:p@127.0.0.1:5433/d",
        "postgresql://[::1]/d",
        "postgresql:///d?host=/run/postgresql",
        "postgresql:///d",
    ],
)
def test_a_local_server_needs_no_certificate(url: str) -> None:
    assert "sslmode" not in parse(url).libpq


@pytest.mark.parametrize("url", ["postgresql://db.example/d", "postgresql://localhost,db.example/d"])
def test_a_server_elsewhere_must_show_one(url: str) -> None:
    libpq = parse(url).libpq
    assert (libpq["sslmode"], libpq["sslrootcert"]) == ("verify-full", "system")


def test_an_own_authority_is_used() -> None:
    libpq = parse("postgresql://db.example/d?sslrootcert=/etc/ca.pem").libpq
    assert (libpq["sslmode"], libpq["sslrootcert"]) == ("verify-full", "/etc/ca.pem")


def test_what_the_url_says_on_tls_holds() -> None:
    assert parse("postgresql://db.example/d?sslmode=disable").libpq["sslmode"] == "disable"


def test_what_the_environment_says_on_tls_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGSSLMODE", "require")
    assert "sslmode" not in parse("postgresql://db.example/d").libpq


def test_settings_of_the_caller_come_after_ours() -> None:
    options = parse("postgresql://h/d?options=-c%20work_mem%3D8MB").libpq["options"]
    assert options.startswith("-c ")
    assert options.endswith("-c work_mem=8MB")


def test_a_place_is_shown_without_its_password() -> None:
    place = parse("postgresql://ada:s3cret@h:5433/d?schema=shop")
    assert place.shown == "h:5433/d"
    assert "s3cret" not in repr(place)


def test_its_own_options_are_not_libpqs() -> None:
    place = parse("postgresql://h/d?schema=shop&retention=60&profile=fast", "durable", 1.0)
    assert (place.schema, place.retention, place.profile) == ("shop", 60.0, "fast")
    assert parse("postgresql://h/d?retention=none").retention == float("inf")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("postgresql://h/d?shcema=x", "no option 'shcema'; did you mean 'schema'"),
        ("postgresql://h/d?schema=A%20b", "small letters"),
        ("postgresql://h/d?schema=x%22%3BDROP", "small letters"),
        ("postgresql://h/d?schema=pg_catalog", "small letters"),
        ("postgresql://h/d?profile=safe", "profile must be one of"),
        ("postgresql://h/d?retention=long", "retention must be seconds"),
        ("postgresql://u:sec%ret@h/d", "cannot be read"),
    ],
)
def test_a_bad_url_is_refused(url: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as refused:
        parse(url)
    assert "sec%ret" not in f"{refused.value} {refused.value.__cause__}"
