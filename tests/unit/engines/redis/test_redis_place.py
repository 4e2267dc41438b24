"""What the URL of a Redis engine says."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cardoon.engines.redis.place import Place, parse
from cardoon.engines.urls import connect
from cardoon.model.errors import ConfigurationError


def place(url: str) -> Place:
    return parse(url, profile="durable", retention=60.0)


@pytest.mark.parametrize(
    "url",
    ["redis://localhost", "redis://h:1/2", "rediss://h", "unix:///run/redis.sock", "redis://[::1]:6379"],
)
def test_what_is_not_ours_goes_to_the_library_as_it_is(url: str) -> None:
    assert place(url).url.rstrip("?") == url


def test_our_own_options_stay_here_and_those_of_the_library_go_on() -> None:
    found = place("rediss://h?namespace=shop&retention=none&ssl_ca_certs=%2Fca.pem&allow_volatile=yes")
    assert found.url == "rediss://h?ssl_ca_certs=%2Fca.pem"
    assert (found.namespace, found.retention, found.allow_volatile) == ("shop", float("inf"), True)


def test_without_options_it_is_the_usual_namespace_and_what_the_settings_say() -> None:
    found = place("redis://h")
    assert (found.namespace, found.profile, found.retention, found.allow_volatile) == (
        "cardoon",
        "durable",
        60.0,
        False,
    )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("namspace=shop", "did you mean 'namespace'"),
        ("namespace=a{b}", "names no namespace"),
        ("namespace=", "names no namespace"),
        ("profile=fats", "profile must be one of"),
        ("retention=soon", "retention must be seconds"),
        ("allow_volatile=perhaps", "allow_volatile must be true or false"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(options: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        place(f"redis://h?{options}")


def test_a_port_that_is_no_number_is_refused_before_anybody_is_called() -> None:
    with pytest.raises(ConfigurationError, match="Port"):
        connect("redis://h:door")


@pytest.mark.parametrize("url", ["redis://ada:s3cret@h/0", "redis://:s3cret@h", "redis://h?password=s3cret"])
def test_a_password_is_never_shown(url: str) -> None:
    assert "s3cret" not in place(url).shown


def test_a_library_that_is_not_installed_is_named_with_what_to_install() -> None:
    code = "import sys; sys.modules['redis'] = None; import cardoon.engines.urls as u; u.connect('redis://h')"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'cardoon[redis]'" in ran.stderr.splitlines()[-1]
