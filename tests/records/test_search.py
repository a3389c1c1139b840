"""What is searched for is found, newest first, with the files that show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from streamdet.errors import ConfigError
from streamdet.records.rows import Row
from streamdet.records.search import FileLink, Query, by_name, file_of, search
from streamdet.records.writer import RecordWriter
from tests.records.made_rows import DAY, event, track


def kept(folder: Path, *rows: Row) -> Path:
    writer = RecordWriter(folder)
    writer.write(rows)
    writer.close()
    return folder


def ids(folder: Path, **query: Any) -> list[str]:
    return [row.id for row in search(folder, Query(**query)).rows]


def at(clock: str, day: str = DAY) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return kept(
        tmp_path,
        event(1, f"{DAY}T10:00:00.000000Z"),
        event(2, f"{DAY}T11:00:00.000000Z", source_id="gate", zone=None, line="fence", label="car"),
        event(3, "2025-11-30T09:00:00.000000Z", event="camera", label=None, zone=None, track=None),
        track(1, "09:59:00", "10:30:00", zones=["path", "yard"]),
        track(2, "12:00:00", "2025-11-30T08:00:00.000000Z", label="car", zones=[]),
    )


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["event-3", "track-2", "event-2", "event-1", "track-1"]),
        ({"labels": ("car",)}, ["track-2", "event-2"]),
        ({"labels": ("car", "person")}, ["track-2", "event-2", "event-1", "track-1"]),
        ({"places": ("yard",)}, ["event-1", "track-1"]),
        ({"places": ("fence", "path")}, ["event-2", "track-1"]),
        ({"source_ids": ("gate",)}, ["event-2"]),
        ({"events": ("track",)}, ["track-2", "track-1"]),
        ({"events": ("camera", "zone_enter")}, ["event-3", "event-2", "event-1"]),
        ({"since": at("10:30:00")}, ["event-3", "track-2", "event-2", "track-1"]),
        ({"since": at("10:30:01"), "until": at("12:00:00")}, ["event-2"]),
        ({"until": at("10:00:00")}, ["track-1"]),
        ({"since": at("07:00:00", "2025-11-30")}, ["event-3", "track-2"]),
        ({"limit": 2}, ["event-3", "track-2"]),
        ({"labels": ("person",), "places": ("yard",), "events": ("track",)}, ["track-1"]),
        ({"labels": ("'; DROP TABLE events",)}, []),
    ],
)
def test_rows_are_found_by_what_they_say(
    folder: Path, query: dict[str, Any], found: list[str]
) -> None:
    assert ids(folder, **query) == found


CAR: dict[str, Any] = {"label": "car", "attributes": {"colour": "red"}}
VAN: dict[str, Any] = {"label": "car", "attributes": '{"colour": "blue", "kind": "van"}'}


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        (["colour=red"], ["event-1"]),
        (["colour=red", "colour=blue"], ["event-1", "track-3"]),
        (["colour=blue", "kind=van"], ["track-3"]),
        (["colour=blue", "kind=car"], []),
        (["' OR 1=1"], []),
    ],
)
def test_objects_are_found_by_what_classify_said(
    tmp_path: Path, stated: list[str], found: list[str]
) -> None:
    folder = kept(tmp_path, event(1, **CAR), event(2), track(3, **VAN), track(4))
    asked = by_name((name, value) for name, _, value in (each.partition("=") for each in stated))
    assert ids(folder, attributes=asked) == found


def test_a_moment_beyond_the_years_of_utc_is_before_or_after_all(folder: Path) -> None:
    east, west = timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))
    assert len(ids(folder, since=datetime.min.replace(tzinfo=east))) == 5
    assert ids(folder, since=datetime.max.replace(tzinfo=west)) == []
    assert len(ids(folder, since=datetime(999, 1, 1, tzinfo=UTC))) == 5


def test_it_says_whether_there_are_more(folder: Path) -> None:
    assert [search(folder, Query(limit=n)).is_cut for n in (4, 5)] == [True, False]


def file_event(number: int, event_kind: str, path: Path, **keys: Any) -> Row:
    path.touch()
    return event(number, event=event_kind, zone=None, path=str(path), **keys)


def test_a_row_names_the_clip_and_the_snapshot_that_show_it(tmp_path: Path) -> None:
    clip = {"at": "", "starts_at": "2025-11-28T23:59:50.000000Z", "label": None, "track": None,
            "ends_at": f"{DAY}T00:00:10.000000Z"}  # fmt: skip
    rows = [
        event(1, f"{DAY}T00:00:05.000000Z"),
        event(2, f"{DAY}T00:00:11.000000Z"),
        event(3, f"{DAY}T00:00:05.000000Z", source_id="gate"),
        event(4, f"{DAY}T00:00:11.000000Z", track=8),
        file_event(5, "snapshot", tmp_path / "7.jpg"),
        event(6, event="snapshot", zone=None, track=8, path=str(tmp_path / "removed.jpg")),
        file_event(9, "clip", tmp_path / "a.mp4", **{k: v or None for k, v in clip.items()}),
    ]
    answer = search(kept(tmp_path / "kept", *rows), Query(events=("zone_enter",)))
    shown = {row.id: (row.clip, row.snapshot) for row in answer.rows}
    shot, video = (
        FileLink("event-5", str(tmp_path / "7.jpg")),
        FileLink("event-9", str(tmp_path / "a.mp4")),
    )
    assert shown == {
        "event-1": (video, shot),
        "event-2": (None, shot),
        "event-3": (None, None),
        "event-4": (None, None),
    }
    assert file_of(tmp_path / "kept", "event-9") == str(tmp_path / "a.mp4")
    assert file_of(tmp_path / "kept", "event-1") is None
    assert file_of(tmp_path / "kept", "unknown") is None


def test_what_is_written_is_found_at_once(tmp_path: Path) -> None:
    writer = RecordWriter(tmp_path)
    writer.write([event(1)])
    assert ids(tmp_path) == ["event-1"]
    writer.write([event(2)])
    assert ids(tmp_path) == ["event-1", "event-2"]
    writer.close()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing", "does not exist, wanted a folder of records"),
        ("file", "is no folder"),
        ("empty", "holds no records yet"),
    ],
)
def test_a_folder_without_records_is_answered_in_a_sentence(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=f"{name} {reason}"):
        search(tmp_path / name, Query())


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    kept(tmp_path, *(event(n) for n in range(200)))
    path = tmp_path / f"{DAY}.sqlite"
    content = bytearray(path.read_bytes())
    content[4096:] = b"x" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=f"{path} cannot be searched: .*malformed"):
        search(tmp_path, Query())
