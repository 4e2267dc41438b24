"""Where a SQLite engine's file may lie, and how it is made."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest

from cardoon.engines.sqlite import place
from cardoon.engines.sqlite.engine import SqliteEngine
from cardoon.engines.urls import connect
from cardoon.model.errors import ConfigurationError, EngineRefused


def engine_at(path: Path, options: str = "") -> SqliteEngine:
    engine = connect(f"sqlite:///{path}{options}")
    assert isinstance(engine, SqliteEngine)
    return engine


def test_three_slashes_are_relative_and_four_are_absolute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert place.parse("sqlite:///jobs.db")[0] == tmp_path / "jobs.db"
    assert place.parse("sqlite:////var/lib/jobs.db")[0] == Path("/var/lib/jobs.db")


def test_spaces_and_odd_characters_in_a_path_are_unquoted() -> None:
    assert place.parse("sqlite:////a%20b/j%23.db")[0] == Path("/a b/j#.db")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite://jobs.db", "names no file"),
        ("sqlite:///", "names no file"),
        ("sqlite:///x.db?profil=fast", "did you mean 'profile'"),
        ("sqlite:///x.db?profile=fastest", "durable, fast"),
        ("sqlite:///x.db?retention=week", "retention must be seconds"),
    ],
)
def test_a_url_that_makes_no_sense_is_refused_with_the_way_to_write_it(url: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        connect(url)


def test_an_unknown_scheme_offers_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'sqlite'"):
        connect("sqlit:///x.db")


def test_every_file_is_its_owners_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        engine = engine_at(tmp_path / "jobs.db")
        engine.open()
        engine.pause("q")
        engine.resume("q")
        engine.cancel(["x"])
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    finally:
        os.umask(before)
    engine.close()
    assert {"jobs.db", "jobs.db-turn", "jobs.db-ready", "jobs.db-done", "jobs.db-wal", "jobs.db-shm"} <= set(
        modes
    )
    assert set(modes.values()) == {0o600}


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineRefused, match=r"the folder of .*does not exist"):
        engine_at(tmp_path / "nowhere" / "jobs.db").open()


def test_another_programs_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "theirs.db"
    theirs = sqlite3.connect(path)
    theirs.execute("CREATE TABLE invoices (id)")
    theirs.commit()
    theirs.close()
    before = path.read_bytes()
    with pytest.raises(EngineRefused, match="another program"):
        engine_at(path).open()
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    path.write_text("this is not a database, " * 100)
    with pytest.raises(EngineRefused, match="damaged or no SQLite database"):
        engine_at(path).open()
    assert path.read_text().startswith("this is not")


def test_a_newer_schema_asks_for_an_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "jobs.db"
    first = engine_at(path)
    first.open()
    first.close()
    newer = sqlite3.connect(path)
    newer.execute("PRAGMA user_version=999")
    newer.close()
    with pytest.raises(EngineRefused, match=r"schema 999.*upgrade Cardoon"):
        engine_at(path).open()


def test_migrations_are_applied_once(tmp_path: Path) -> None:
    first, second = engine_at(tmp_path / "jobs.db"), engine_at(tmp_path / "jobs.db")
    assert first.migrate() == ["001_jobs"]
    assert second.migrate() == []
    first.close()
    second.close()


@pytest.mark.parametrize(
    ("line", "kind"), [("srv:/x {} nfs4 rw 0 0", "nfs4"), ("//srv/x {} cifs rw 0 0", "cifs")]
)
def test_network_file_systems_are_recognised_by_the_nearest_mount(
    tmp_path: Path, line: str, kind: str
) -> None:
    mounts = tmp_path / "mounts"
    shared = tmp_path / "shared"
    shared.mkdir()
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\n{line.format(shared)}\n")
    assert place.file_system(shared, mounts) == kind
    assert place.file_system(tmp_path, mounts) == "ext4"


def test_a_file_on_a_network_file_system_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "file_system", lambda _folder: "nfs4")
    with pytest.raises(EngineRefused, match=r"network file system .nfs4."):
        engine_at(tmp_path / "jobs.db").open()
    assert not (tmp_path / "jobs.db").exists()


@pytest.mark.parametrize(("options", "name"), [("", "durable"), ("?profile=fast", "fast")])
def test_the_profile_is_read_from_the_connection(tmp_path: Path, options: str, name: str) -> None:
    engine = engine_at(tmp_path / "jobs.db", options)
    profile = engine.profile()
    engine.close()
    assert profile.name == name
    assert profile.sentence
    assert profile.version == f"SQLite {sqlite3.sqlite_version}"
