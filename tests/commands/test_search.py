"""`streamdet search`: what people type, and what they see."""

from __future__ import annotations

import json
import time
from argparse import ArgumentTypeError
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from streamdet.cli import main
from streamdet.commands.moments import begin, end
from streamdet.records.writer import RecordWriter
from tests.records.made_rows import DAY, event, track


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def folder(tmp_path: Path) -> str:
    writer = RecordWriter(tmp_path / "yard.records")
    writer.write([event(1, bbox=[1, 2, 3, 4]), track(7), event(2, source_id="[b]gate", track=8)])
    writer.close()
    return str(tmp_path / "yard.records")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-29T10:00", "2026-11-29T09:00"),  # in winter an hour before Berlin's clocks
        ("2026-07-29T10:00", "2026-07-29T08:00"),
        ("2026-11-29 10:00:30", "2026-11-29T09:00:30"),
        ("2026-11-29T10:00Z", "2026-11-29T10:00"),
        ("2026-11-29T10:00+05:30", "2026-11-29T04:30"),
        ("2026-11-29", "2026-11-28T23:00"),
    ],
)
def test_a_moment_is_in_the_zone_that_it_states_or_in_the_machines(text: str, utc: str) -> None:
    assert begin(text) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


def test_a_day_ends_when_the_next_begins_also_where_clocks_change() -> None:
    assert end("2026-11-29") == datetime(2026, 11, 29, 23, tzinfo=UTC)
    assert end("2026-10-25") == datetime(2026, 10, 25, 23, tzinfo=UTC)  # a day of 25 hours
    assert end("2026-11-29T10:00") == begin("2026-11-29T10:00")


def test_a_clock_is_todays_and_a_minus_is_from_now() -> None:
    today = datetime.now().astimezone()
    assert begin("9:05").astimezone() == today.replace(hour=9, minute=5, second=0, microsecond=0)
    assert abs(begin("-2h") - (datetime.now(UTC) - timedelta(hours=2))) < timedelta(seconds=60)
    assert abs(begin("-90s") - (datetime.now(UTC) - timedelta(seconds=90))) < timedelta(seconds=60)


@pytest.mark.parametrize("text", ["", "noon", "25:00", "-2x", "2026-13-01", "-999999w", "10"])
def test_what_is_no_moment_is_answered_with_those_that_are(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match=r"such as 2026-11-29T10:00.*-2h"):
        begin(text)


def test_the_table_is_in_the_machines_zone_and_says_so(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", folder, "--class", "person", "--zone", "yard"]) == 0
    head, _, *rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert head[:2] == ["time", f"({datetime.now().astimezone():%Z}"]
    assert [row[:6] for row in rows] == [
        [DAY, "11:00:00", "door", "zone_enter", "person#7", "yard"],
        [DAY, "11:00:00", "[b]gate", "zone_enter", "person#8", "yard"],
        [DAY, "11:00:00", "11:00:20", "door", "track", "person#7"],
    ]


def test_json_says_everything_in_utc(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"--camera door --event zone_enter,track --from {DAY}T11:00 --json"
    assert main(["search", folder, *words.split()]) == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["at"], first["bbox"]) == (f"{DAY}T10:00:00.000000Z", [1, 2, 3, 4])
    assert (second["event"], second["frames"], second["zones"]) == ("track", 5, ["yard"])
    assert second["is_over"] is False


def test_attributes_are_shown_and_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = RecordWriter(tmp_path)
    writer.write(
        [event(1, attributes={"colour": "red"}), track(2, attributes='{"colour": "blue"}')]
    )
    writer.close()
    assert main(["search", str(tmp_path), "--attribute", "colour=red"]) == 0
    (row,) = capsys.readouterr().out.split("zone_enter")[1:]
    assert row.split()[:3] == ["person#7", "red", "yard"]
    assert main(["search", str(tmp_path), "--attribute", "red"]) == 2
    assert "must be NAME=VALUE, such as colour=red, got 'red'" in capsys.readouterr().err


def test_a_name_that_is_nowhere_in_the_records_is_told_with_those_that_there_are(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", folder, "--class", "persn", "--zone", "pool", "--camera", "door"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == [
        *("nothing is found", "no class 'persn' in these records; did you mean 'person'?")
    ]
    assert said[2].startswith("no zone 'pool' in these records; there is ")


def test_it_says_that_nothing_is_found_and_that_there_is_more(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", folder, "--from", "-2h"]) == 0
    assert capsys.readouterr().out == "nothing is found\n"
    assert main(["search", folder, "--limit", "1"]) == 0
    assert "there are more" in capsys.readouterr().out


def test_times_the_wrong_way_round_and_a_missing_folder_are_a_sentence(
    folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["search", folder, "--from", "2026-01-02", "--to", "2026-01-01"]) == 2
    assert "--from 2026-01-02 00:00:00 must be before --to 2026-01-02" in capsys.readouterr().err
    assert main(["search", f"{folder}x"]) == 2
    assert "does not exist, wanted a folder of records" in capsys.readouterr().err
