from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import examples

from cardoon.model.url import mask


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://u:p@h:6379/0", "redis://u:***@h:6379/0"),
        ("redis://:p@h", "redis://:***@h"),
        ("redis://u:p@ss/w?d#x@h/0", "redis://u:***@h/0"),
        ("redis://u:p?a=b@h", "redis://u:***@h"),
        ("redis://user:12/34@host", "redis://user:***@host"),
        ("redis+socket://:pw@/run/redis.sock", "redis+socket://:***@/run/redis.sock"),
        ("postgresql://u:pw@h/db?sslpassword=q&x=1", "postgresql://u:***@h/db?sslpassword=***&x=1"),
        (
            "postgresql://h:5432/db?application_name=a@b&password=x",
            "postgresql://h:***@b&password=***",
        ),
        ("postgresql://u:pw@h/db?name=a:b@c", "postgresql://u:***@c"),
        ("amqp://a:b@h1;amqp://c:d@h2", "amqp://a:***@h2"),
        ("sqs://h/?AWS_SECRET_KEY=1&Session_Token=2", "sqs://h/?AWS_SECRET_KEY=***&Session_Token=***"),
        ("u:p@h/db", "u:***@h/db"),
        ("host=h password='a b' user=x", "host=h password=*** user=x"),
        ("HTTP://U:P@[::1]:80/", "HTTP://U:***@[::1]:80/"),
    ],
)
def test_secrets_are_hidden(url: str, shown: str) -> None:
    assert mask(url) == shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "sqlite://",
        "sqlite:///jobs.db",
        "sqlite:////data/a:b@c.db",
        "memory://",
        "redis://localhost:6379/0",
        "redis://user@localhost",
        "http://[::1]:80/x?y=z",
        "redis://h/0?client=a@b",
        "postgresql:///db?host=/run/postgresql",
        "not an address at all",
        "://",
        "@",
        ":",
    ],
)
def test_an_address_without_secrets_is_shown_as_it_is(url: str) -> None:
    assert mask(url) == url


PASSWORDS = st.text("abcXYZ019!@/?#:;=&%$ ~", min_size=1, max_size=12).map(lambda text: f"~{text}~")


@examples
@given(
    st.sampled_from(["", "user"]), PASSWORDS, st.sampled_from(["", "/0", ":6379/0", "/db?sslmode=require"])
)
def test_no_password_however_odd_is_shown(user: str, password: str, rest: str) -> None:
    shown = mask(f"redis://{user}:{password}@host{rest}")
    assert shown == f"redis://{user}:***@host{rest}"


@examples
@given(st.text(max_size=60))
def test_masking_never_fails(url: str) -> None:
    assert isinstance(mask(url), str)
