from __future__ import annotations

import inspect
import re

import pytest

from cardoon.model import errors
from cardoon.model.errors import CardoonError, UnknownOption, nearest

CLASSES = {
    name: kind
    for name, kind in vars(errors).items()
    if inspect.isclass(kind) and issubclass(kind, Exception) and kind.__name__ == name
}
OWN = [kind for kind in CLASSES.values() if issubclass(kind, CardoonError)]
_WORDS = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<names>[A-Z]\w+(?:, [A-Z]\w+)*)(?P<rest>.*)$")


def drawn() -> dict[str, tuple[str | None, str]]:
    """Every class in the picture of the module: its name -> (the class above it, the words behind it)."""
    found: dict[str, tuple[str | None, str]] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines()[1:]:
        match = _WORDS.match(line)
        if match is None:
            continue
        depth = len(match["indent"])
        above = [entry for entry in above if entry[0] < depth]
        for name in match["names"].split(", "):
            found[name] = (above[-1][1] if above else None, match["rest"])
        above.append((depth, name))
    return found


def test_the_picture_shows_every_class() -> None:
    assert set(drawn()) == set(CLASSES)


def test_the_picture_shows_every_class_below_its_parent() -> None:
    for name, (parent, _words) in drawn().items():
        assert CLASSES[name].__bases__[0].__name__ == (parent or "Exception"), name


def test_the_picture_tells_which_built_in_a_class_also_is() -> None:
    for name, (_parent, words) in drawn().items():
        also = [base.__name__ for base in CLASSES[name].__bases__[1:]]
        said = re.findall(r"\(also an? (\w+)\)", words)
        assert said == also, name


@pytest.mark.parametrize("kind", CLASSES.values(), ids=lambda kind: kind.__name__)
def test_every_class_says_what_it_means_in_its_first_line(kind: type[Exception]) -> None:
    first = (kind.__doc__ or "").partition("\n")[0]
    assert kind.__doc__ != kind.__base__.__doc__  # type: ignore[union-attr]
    assert first.endswith((".", "?"))
    assert first[0].isupper()


@pytest.mark.parametrize("kind", OWN, ids=lambda kind: kind.__name__)
def test_an_error_without_words_speaks_the_first_line_of_its_class(kind: type[CardoonError]) -> None:
    assert str(kind()) == (kind.__doc__ or "").partition("\n")[0]
    assert str(kind("other words")) == "other words"


def test_an_unregistered_task_reads_without_the_quotes_of_a_key_error() -> None:
    assert str(errors.NotRegistered("no 'x' here")) == "no 'x' here"
    assert isinstance(errors.NotRegistered(), KeyError)


def test_the_nearest_name_is_offered_when_one_is_near() -> None:
    assert nearest("queu", ["queue", "priority"]) == "; did you mean 'queue'?"
    assert nearest("zzz", ["queue", "priority"]) == ""
    error = UnknownOption.named("queu", ["queue"], "task 't'")
    assert str(error) == "task 't' has no option 'queu'; did you mean 'queue'?"


def test_the_signals_are_no_errors() -> None:
    signals = [errors.Signal, errors.Retry, errors.Ignore]
    assert not any(issubclass(kind, CardoonError) for kind in signals)
    cause = ValueError("x")
    retry = errors.Retry("later", exc=cause, when=5.0)
    assert (str(retry), retry.exc, retry.when) == ("later", cause, 5.0)


def test_the_old_names_are_the_same_classes() -> None:
    assert errors.RetryTaskError is errors.Retry
    assert errors.MaxRetriesExceeded is errors.MaxRetriesExceededError
