"""From the text of a filter to its tree, or to an error that points at the character.

state:failed queue:mail -task:import.*      all of these
state:failed OR (state:running duration>5m)
args.order_id:123 after:2h timeout          `timeout` is looked for in names, arguments and errors
"""

from __future__ import annotations

import re
from typing import NamedTuple

from cardoon.model.errors import InvalidFilter, nearest
from cardoon.model.query import fields
from cardoon.model.query.tree import EVERYTHING, Either, Every, Node, Not, Text

LENGTH_LIMIT = 2_000
DEPTH_LIMIT = 20
TERMS_LIMIT = 100

_FIELD = re.compile(r"([^\W\d][\w.-]*)(:?(?:>=|<=|>|<)|:|=)")
_SPACE = re.compile(r"\s*")
_BARE = re.compile(r"""[^\s()"]+""")
_BARE_VALUE = re.compile(r"""[^\s(),"]+""")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_OPERATORS = ("AND", "OR")


def parse(text: str) -> Node:
    """The tree of a filter; of an empty one, everything. Raises InvalidFilter.

    What is said relative to now (`after:2h`) is fixed here.
    """
    if len(text) > LENGTH_LIMIT:
        raise InvalidFilter.at(f"a filter has at most {LENGTH_LIMIT:,} characters", text, LENGTH_LIMIT)
    return _Parser(text).whole()


class _Word(NamedTuple):
    text: str
    at: int
    quoted: bool = False


class _Parser:
    """Reads from left to right; `at` is the place of the next character."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._terms = 0
        self._check_characters()

    def _check_characters(self) -> None:
        """A lone surrogate (an argument that is no UTF-8) can be in no job."""
        for at, character in enumerate(self._text):
            if "\ud800" <= character <= "\udfff":
                raise self._refused("this is no text", at)

    def whole(self) -> Node:
        """The whole text."""
        if not self._text.strip():
            return EVERYTHING
        node = self._either(0)
        if self._at < len(self._text):
            raise self._refused("no ( goes with this )", self._at)
        return node

    def _either(self, depth: int) -> Node:
        terms = [self._every(depth)]
        while self._took("OR"):
            terms.append(self._every(depth))
        return terms[0] if len(terms) == 1 else Either(tuple(terms))

    def _every(self, depth: int) -> Node:
        terms = [self._term(depth)]
        while self._took("AND") or self._more():
            terms.append(self._term(depth))
        return terms[0] if len(terms) == 1 else Every(tuple(terms))

    def _more(self) -> bool:
        """Whether another term follows that belongs to those before."""
        self._skip_space()
        return self._at < len(self._text) and self._text[self._at] != ")" and not self._sees("OR")

    def _term(self, depth: int) -> Node:
        self._skip_space()
        start = self._at
        if depth > DEPTH_LIMIT:
            raise self._refused(f"a filter is at most {DEPTH_LIMIT} deep", start)
        if self._took("NOT") or self._took_minus():
            return Not(self._term(depth + 1))
        if self._text[start : start + 1] == "(":
            return self._group(depth)
        return self._leaf(start)

    def _group(self, depth: int) -> Node:
        start, self._at = self._at, self._at + 1
        node = self._either(depth + 1)
        if self._text[self._at : self._at + 1] != ")":
            raise self._refused("no ) goes with this (", start)
        self._at += 1
        return node

    def _leaf(self, start: int) -> Node:
        self._terms += 1
        if self._terms > TERMS_LIMIT:
            raise self._refused(f"a filter has at most {TERMS_LIMIT} terms", start)
        found = _FIELD.match(self._text, start)
        if found is not None and (found[2] != "=" or fields.known(found[1])):
            return self._field(found)
        word = self._word(_BARE)
        if word is None or (word.text in _OPERATORS and not word.quoted):
            raise self._refused("something to look for is missing here", start)
        return Text(fields.text_parts(word.text, word.quoted))

    def _field(self, found: re.Match[str]) -> Node:
        name, sign, start = found[1], found[2], found.start()
        if not fields.known(name):
            near = nearest(name, fields.NAMES) or f" (there are {', '.join(fields.NAMES)})"
            raise self._refused(f"there is no field {name!r}{near}; text is put in quotes", start)
        if sign == "=":
            raise self._refused(f"write {name}: and then the value", found.start(2))
        self._at = found.end()
        words = self._values(name)
        terms = [self._read(name, sign, word, found.start(2)) for word in words]
        return fields.joined(terms)

    def _read(self, name: str, sign: str, word: _Word, sign_at: int) -> Node:
        try:
            return fields.read(name, sign.lstrip(":") or "=", word.text, word.quoted)
        except fields.NoSuchSign as error:
            raise self._refused(str(error), sign_at) from None
        except fields.NoSuchValue as error:
            raise self._refused(str(error), word.at) from None

    def _values(self, name: str) -> list[_Word]:
        words: list[_Word] = []
        while True:
            word = self._word(_BARE_VALUE)
            if word is None:
                raise self._refused(f"{name} needs a value here", self._at)
            words.append(word)
            if self._text[self._at : self._at + 1] != ",":
                return words
            self._at += 1

    # -- single words

    def _word(self, bare: re.Pattern[str]) -> _Word | None:
        """The word that begins here, quoted or bare."""
        start = self._at
        if self._text[start : start + 1] == '"':
            found = _QUOTED.match(self._text, start)
            if found is None:
                raise self._refused('the " that ends this is missing', start)
            self._at = found.end()
            return _Word(_ESCAPED.sub(r"\1", found[1]), start, quoted=True)
        found = bare.match(self._text, start)
        if found is None:
            return None
        self._at = found.end()
        return _Word(found[0], start)

    def _skip_space(self) -> None:
        found = _SPACE.match(self._text, self._at)
        self._at = found.end() if found else self._at

    def _sees(self, word: str) -> bool:
        self._skip_space()
        found = _BARE.match(self._text, self._at)
        return found is not None and found[0] == word

    def _took(self, word: str) -> bool:
        seen = self._sees(word)
        self._at += len(word) * seen
        return seen

    def _took_minus(self) -> bool:
        """A minus that something follows at once."""
        after = self._text[self._at + 1 : self._at + 2]
        if self._text[self._at : self._at + 1] != "-" or not after or after.isspace() or after == ")":
            return False
        self._at += 1
        return True

    def _refused(self, why: str, at: int) -> InvalidFilter:
        return InvalidFilter.at(why, self._text, at)
