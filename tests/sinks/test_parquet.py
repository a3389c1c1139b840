from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamdet.errors import ConfigError
from streamdet.formats.object_rows import COLUMNS
from streamdet.sinks.csv import CsvSink
from streamdet.sinks.line_file import LineFileOptions
from streamdet.sinks.parquet import RUN, ParquetOptions, ParquetSink
from tests.sinks.frames import context, message, one

pq = pytest.importorskip("pyarrow.parquet")


def make(folder: Path, *sources: str) -> ParquetSink:
    return ParquetSink(ParquetOptions(path=folder / "o.parquet"), context(*sources))


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(folder / "o.parquet").to_pylist()
    return rows


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_row_has_typed_columns_and_nulls(tmp_path: Path) -> None:
    sink = make(tmp_path, "cam")
    sink.restore({})
    found = replace(message("cam", 3), detections=one([1, 2, 3, 4]))
    sink.write([replace(found, frame=replace(found.frame, pts=None))], [None])
    sink.finish("cam")
    sink.committed()
    sink.close()
    assert rows_of(tmp_path) == [
        {
            "run": "run-1", "source_id": "cam", "frame_id": 3, "pts_s": None, "id": None,
            "class_id": 0, "label": "car", "confidence": 0.5, "x1": 1.0, "y1": 2.0, "x2": 3.0,
            "y2": 4.0,
            "interpolated": False, "parent": None, "parent_id": None,
        }
    ]  # fmt: skip
    schema = pq.read_schema(tmp_path / "o.parquet")
    assert schema.names == [RUN, *COLUMNS]
    assert [str(schema.field(name).type) for name in ("label", "id", "pts_s")] == [
        "string", "int64", "double",
    ]  # fmt: skip


def test_a_run_that_finds_nothing_leaves_a_table_without_rows(tmp_path: Path) -> None:
    sink = make(tmp_path, "cam")
    sink.restore({})
    sink.write([message("cam", count=0)], [None])
    sink.finish("cam")
    sink.committed()
    sink.close()
    assert (rows_of(tmp_path), names_in(tmp_path)) == ([], ["o.parquet"])


def test_the_file_appears_when_the_last_source_has_ended(tmp_path: Path) -> None:
    sink = make(tmp_path, "left", "right")
    sink.restore({})
    sink.write([message("left"), message("right")], [None] * 2)
    sink.finish("left")
    sink.committed()
    assert names_in(tmp_path) == ["o.parquet.csv"]
    sink.finish("right")
    sink.committed()
    assert names_in(tmp_path) == ["o.parquet"]
    sink.close()


def test_a_run_that_fails_leaves_its_committed_rows_as_csv(tmp_path: Path) -> None:
    sink = make(tmp_path, "cam")
    sink.restore({})
    sink.write([message("cam")], [None])
    sink.committed()
    sink.write([message("cam", 1)], [None])
    sink.close()
    assert names_in(tmp_path) == ["o.parquet.csv"]
    assert len((tmp_path / "o.parquet.csv").read_text().splitlines()) == 1 + 2


def test_a_file_of_an_earlier_run_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    (tmp_path / "o.parquet").write_bytes(b"old")
    sink = make(tmp_path, "cam")
    sink.restore({})
    sink.write([message("cam")], [None])
    states = sink.states()
    sink.close()  # killed before `committed`
    successor = make(tmp_path, "cam")
    successor.restore(states)
    assert names_in(tmp_path) == ["o.parquet.csv"]
    successor.close()


def test_rows_that_an_earlier_run_left_are_not_taken_for_those_of_a_run_without_frames(
    tmp_path: Path,
) -> None:
    (tmp_path / "o.parquet.csv").write_bytes(b"old")
    sink = make(tmp_path, "cam")
    sink.restore({})
    sink.finish("cam")
    sink.committed()
    sink.close()
    assert names_in(tmp_path) == ["o.parquet.csv"]
    assert (tmp_path / "o.parquet.csv").read_bytes() == b"old"


@pytest.mark.parametrize("died", ["before the rows", "before the table", "after the table"])
def test_whoever_dies_at_the_end_is_followed_by_one_that_finishes(
    tmp_path: Path, died: str
) -> None:
    sink = make(tmp_path, "cam")
    sink.restore({})
    sink.write([message("cam")], [None])
    sink.finish("cam")
    states = sink.states()
    if died == "after the table":
        sink.committed()
    sink.close()
    if died == "before the table":
        rows = CsvSink(LineFileOptions(path=tmp_path / "o.parquet.csv"), context("cam"))
        rows.restore(states)
        rows.close()
    successor = make(tmp_path, "cam")
    successor.restore(states)
    successor.close()
    assert [row["id"] for row in rows_of(tmp_path)] == [1, 2]
    assert names_in(tmp_path) == ["o.parquet"]


def test_without_pyarrow_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    sink = make(tmp_path, "cam")
    with pytest.raises(ConfigError, match=r"a Parquet file needs pyarrow: pip install .*parquet"):
        sink.restore({})
    assert names_in(tmp_path) == []
