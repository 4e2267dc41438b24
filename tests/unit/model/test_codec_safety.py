"""What a message names is neither imported nor made, whichever way there would be to do it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from cardoon.model.codec import unpack

NAME = "planted_by_a_message"
KEYS = ("$import", "$class", "$type", "$object", "__class__", "__type__", "py/object", "py/type", "@class")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("what", [NAME, f"{NAME}.Thing", f"{NAME}:Thing"])
def test_a_name_in_a_message_stays_a_name(
    key: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / f"{NAME}.py").write_text("class Thing:\n    pass\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    data: dict[str, Any] = {key: what}
    for hostile in (data, {**data, "args": []}, [data]):
        assert unpack(hostile) == hostile
    assert NAME not in sys.modules
