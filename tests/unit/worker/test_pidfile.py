"""The pidfile: whose it is, and when it may be replaced."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cardoon.exceptions import ConfigurationError
from cardoon.worker.pidfile import pidfile


def test_it_holds_the_pid_inside_the_block(tmp_path: Path) -> None:
    path = tmp_path / "w.pid"
    with pidfile(str(path)):
        assert path.read_text() == f"{os.getpid()}\n"
    assert not path.exists()


def test_what_was_forked_inside_leaves_it(tmp_path: Path) -> None:
    program = """
import os, sys
from cardoon.worker.pidfile import pidfile
with pidfile(sys.argv[1]):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        print(os.path.exists(sys.argv[1]), end="")
"""
    command = [sys.executable, "-c", program, str(tmp_path / "w.pid")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "True"


def test_none_is_none(tmp_path: Path) -> None:
    with pidfile(None):
        assert list(tmp_path.iterdir()) == []


def test_it_is_gone_after_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), pidfile(str(tmp_path / "w.pid")):
        raise ValueError("inside")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "999999999\n", f"{os.getpid()}\n"],
    ids=["empty", "nonsense", "of nobody", "our own"],
)
def test_one_of_nobody_alive_is_replaced(text: str, tmp_path: Path) -> None:
    (tmp_path / "w.pid").write_text(text)
    with pidfile(str(tmp_path / "w.pid")):
        assert (tmp_path / "w.pid").read_text() == f"{os.getpid()}\n"


def test_one_of_a_living_process_is_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        (tmp_path / "w.pid").write_text(f"{other.pid}\n")
        with (
            pytest.raises(ConfigurationError, match=f"living process {other.pid}; stop it or name another"),
            pidfile(str(tmp_path / "w.pid")),
        ):
            pytest.fail("it took what is not its own")
        assert (tmp_path / "w.pid").read_text() == f"{other.pid}\n"


def test_where_it_cannot_be_written_is_said(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match="cannot be written"),
        pidfile(str(tmp_path / "no" / "w.pid")),
    ):
        pytest.fail("it began")
