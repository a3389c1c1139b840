"""Records are written once, into the file of their day, and removed in time."""

from __future__ import annotations

import os
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from streamdet.records.day_file import day_path, is_day_file
from streamdet.records.search import Query, search
from streamdet.records.writer import RecordWriter
from tests.records.made_rows import DAY, event, track

NOW_S = time.time()


def rows_of(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_row_goes_to_the_file_of_its_day(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path / "new" / "folder")
    writer.write([event(1), event(2, "2025-11-30T00:00:00.000000Z"), track(3)])
    writer.close()
    first, second = sorted((tmp_path / "new" / "folder").iterdir())
    assert (first.name, second.name) == (f"{DAY}.sqlite", "2025-11-30.sqlite")
    assert rows_of(first, "SELECT id FROM events UNION SELECT id FROM tracks") == [
        ("event-1",),
        ("track-3",),
    ]
    assert rows_of(second, "SELECT id FROM events") == [("event-2",)]


def test_a_file_is_known_as_ours_only_once_it_can_be_searched(tmp_path: Path) -> None:
    def look(folder: Path) -> int:
        while not is_day_file(day_path(folder, DAY)):
            pass
        return len(search(folder, Query()).rows)

    with ThreadPoolExecutor() as pool:
        for number in range(30):
            folder = tmp_path / str(number)
            looking = pool.submit(look, folder)
            writer = RecordWriter(folder)
            writer.write([event(1)])
            writer.close()
            assert looking.result(timeout=20) in (0, 1)


def test_an_event_that_comes_again_is_there_once(tmp_path: Path) -> None:
    for _ in range(2):
        writer = RecordWriter(tmp_path)
        writer.write([event(1), event(1)])
        writer.close()
    assert rows_of(tmp_path / f"{DAY}.sqlite", "SELECT count(*) FROM events") == [(1,)]


def test_a_track_goes_on_and_an_older_row_of_it_changes_nothing(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path)
    writer.write([track(1, frames=5)])
    writer.write([track(1, ended="10:00:40", frames=9, is_over=True, zones=["yard", "door"])])
    writer.write([track(1, frames=5)])
    writer.close()
    found = rows_of(tmp_path / f"{DAY}.sqlite", "SELECT ended_at, frames, zones FROM tracks")
    assert found == [(f"{DAY}T10:00:40.000000Z", 9, '["yard", "door"]')]


def test_files_that_are_too_old_go_and_nothing_else(tmp_path: Path) -> None:
    now_s = [NOW_S]
    writer = RecordWriter(tmp_path, keep_days=2, now_s=lambda: now_s[0])
    (tmp_path / "2025-11-01.sqlite").write_text("another program's")
    (tmp_path / "notes.txt").write_text("mine")
    writer.write([event(number, f"2025-11-{25 + number}T10:00:00.000000Z") for number in range(3)])
    for age_days, day in ((3, 25), (2.1, 26), (1.9, 27)):
        path, written_s = tmp_path / f"2025-11-{day}.sqlite", NOW_S - age_days * 86_400
        os.utime(path, (written_s, written_s))
    writer.clean()
    writer.close()
    assert names(tmp_path) == ["2025-11-01.sqlite", "2025-11-27.sqlite", "notes.txt"]


def test_the_oldest_days_go_where_all_are_too_large_and_of_the_last_its_oldest_rows(
    tmp_path: Path,
) -> None:
    long = "x" * 1000
    writer = RecordWriter(tmp_path, keep_bytes=300_000, now_s=lambda: NOW_S)
    writer.write([event(1, "2025-11-28T10:00:00.000000Z")])
    writer.write([event(n, f"{DAY}T10:{n // 60:02}:{n % 60:02}.000000Z", reason=long)
                  for n in range(1000)])  # fmt: skip
    writer.clean()
    writer.close()
    assert names(tmp_path) == [f"{DAY}.sqlite"]
    assert (tmp_path / f"{DAY}.sqlite").stat().st_size <= 300_000
    left = rows_of(tmp_path / f"{DAY}.sqlite", "SELECT count(*), max(at) FROM events")
    assert 100 < left[0][0] < 250
    assert left[0][1] == f"{DAY}T10:16:39.000000Z"  # the newest


def test_a_file_that_was_removed_meanwhile_is_made_again(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path)
    writer.write([event(1)])
    for path in tmp_path.iterdir():
        path.unlink()
    writer.write([event(2)])
    writer.close()
    assert rows_of(tmp_path / f"{DAY}.sqlite", "SELECT id FROM events") == [("event-2",)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no database at all, but long enough to be one" * 30, "file is not a database"),
        ("CREATE TABLE mine (a)", "no file of records: move it away"),
        ("CREATE TABLE t (a); PRAGMA application_id=1396983124; PRAGMA user_version=9",
         "version 9 of the records, wanted 2"),
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_ours_is_left_as_it_is(
    tmp_path: Path, content: bytes | str, reason: str
) -> None:
    path = tmp_path / f"{DAY}.sqlite"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        with closing(sqlite3.connect(path)) as db:
            db.executescript(content)
    before = path.read_bytes()
    with pytest.raises(OSError, match=f"{DAY}.sqlite: .*{reason}"):
        RecordWriter(tmp_path).write([event(1)])
    assert path.read_bytes() == before
