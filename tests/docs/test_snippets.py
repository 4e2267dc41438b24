"""Every snippet in the documents is run, or read by what it is written for."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)")
CARDOON = [sys.executable, "-m", "cardoon"]


def blocks(page: Path, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(page.read_text("utf-8")) if kind == language]


def every(language: str) -> list[tuple[Path, str]]:
    return [(page, text) for page in PAGES for text in blocks(page, language)]


def run(command: list[str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)


def named(page_and_text: tuple[Path, str]) -> str:
    return f"{page_and_text[0].name}:{page_and_text[1].strip().splitlines()[0][:40]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text("utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("snippet", every("json"), ids=named)
def test_every_json_snippet_is_json(snippet: tuple[Path, str]) -> None:
    for line in snippet[1].strip().splitlines():
        json.loads(line)


@pytest.mark.parametrize("snippet", every("console"), ids=named)
def test_every_command_is_there(snippet: tuple[Path, str]) -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for line in snippet[1].splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words[:1] == ["make"]:
            assert all(re.search(rf"^{target}\b.*:", makefile, re.MULTILINE) for target in words[1:]), line
        elif words[:1] == ["cardoon"]:
            # A third word may be a command of a group; else it is passed over.
            asked = run([*CARDOON, *(word for word in words[1:3] if not word.startswith("-")), "--help"])
            assert asked.returncode == 0, line
            assert all(word in asked.stdout for word in words if word.startswith("-")), line


def test_the_readme_goes_from_zero_to_a_result(tmp_path: Path, until: Callable[..., object]) -> None:
    readme = ROOT / "README.md"
    (tmp_path / "tasks.py").write_text(blocks(readme, "python")[0])
    commands = "".join(blocks(readme, "console")).splitlines()
    command = next(line for line in commands if line.startswith("$ cardoon worker"))
    log = (tmp_path / "log").open("w")
    worker = subprocess.Popen([*CARDOON, *shlex.split(command)[2:]], cwd=tmp_path, stderr=log)
    try:
        until(lambda: "ready" in (tmp_path / "log").read_text())
        session = tmp_path / "session.txt"
        session.write_text(blocks(readme, "pycon")[0])
        code = (
            f"import doctest, sys; sys.exit(doctest.testfile({str(session)!r}, module_relative=False).failed)"
        )
        done = run([sys.executable, "-c", code], cwd=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
        log.close()


def test_the_first_twelve_lines_are_twelve_at_most() -> None:
    readme = ROOT / "README.md"
    code = [line for line in blocks(readme, "python")[0].splitlines() if line and not line.startswith("#")]
    session = [line for line in blocks(readme, "pycon")[0].splitlines() if line.startswith(">>>")]
    assert len(code) + len(session) + 1 <= 12


def test_the_readme_fits_a_screen() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 80


def test_no_page_holds_a_path_of_the_machine_it_was_written_on() -> None:
    texts = {page.name: page.read_text("utf-8") for page in PAGES}
    assert [name for name, text in texts.items() if str(Path.home()) in text or str(ROOT) in text] == []
