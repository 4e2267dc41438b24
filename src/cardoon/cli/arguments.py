"""From the words after `cardoon call TASK` to the arguments of a call."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import Parameter
from typing import Any

import click
import msgspec

from cardoon.model import codec
from cardoon.model.errors import NotSerializable
from cardoon.model.signature import Signature

_BY_PLACE = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)


class Arguments:
    """The arguments of one call, as plain data. With a signature they come out as its values."""

    def __init__(self, signature: Signature | None = None) -> None:
        self._signature = signature
        self._names = [] if signature is None else _positional(signature)
        self.args: list[Any] = []
        self.kwargs: dict[str, Any] = {}

    def place(self, words: Sequence[str]) -> None:
        """Take words as positional arguments: JSON where they are JSON that fits, else text."""
        for word in words:
            index = len(self.args)
            self.args.append(self._read(word, self._names[index] if index < len(self._names) else ""))

    def name(self, pairs: Sequence[str]) -> None:
        """Take `name=word` as keyword arguments, the word as `place` does."""
        for pair in pairs:
            name, sign, word = pair.partition("=")
            if not sign or not name.isidentifier():
                raise click.BadParameter(f"{pair!r} must be name=value", param_hint="--arg")
            self.kwargs[name] = self._read(word, name)

    def take(self, text: str) -> None:
        """Take a JSON array as positional, or a JSON object as keyword arguments."""
        try:
            data = msgspec.json.decode(text)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise click.BadParameter(f"no JSON: {error}", param_hint="--json") from None
        if isinstance(data, list):
            self.args += data
        elif isinstance(data, dict):
            self.kwargs |= data
        else:
            raise click.BadParameter("must be an array or an object", param_hint="--json")

    def values(self) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as the annotations say; raises ArgumentsRefused for what does not fit."""
        if self._signature is None:
            return self.args, self.kwargs
        return self._signature.unpack(self.args, self.kwargs)

    def _read(self, word: str, name: str) -> Any:
        try:
            data = msgspec.json.decode(word)
        except (msgspec.MsgspecError, UnicodeError):
            return word
        wanted = self._signature.annotations.get(name, Any) if self._signature else Any
        return word if not _fits(data, wanted) and _fits(word, wanted) else data


def _positional(signature: Signature) -> list[str]:
    return [p.name for p in signature.whole.parameters.values() if p.kind in _BY_PLACE]


def _fits(data: Any, annotation: Any) -> bool:
    if annotation in (Any, Parameter.empty, object):
        return True
    try:
        codec.unpack_typed(data, annotation)
    except (msgspec.ValidationError, NotSerializable, ValueError, TypeError):
        return False
    return True
