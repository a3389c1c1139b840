"""COCO's results as a file."""

from __future__ import annotations

import json
from pathlib import Path

from streamdet.sinks.coco import CocoSink
from streamdet.sinks.source_files import SourceFilesOptions
from tests.sinks.frames import context, message


def made(path: Path) -> CocoSink:
    return CocoSink(SourceFilesOptions(path=path), context("cam"))


def test_a_source_that_has_ended_is_a_json_list(tmp_path: Path) -> None:
    path = tmp_path / "o.coco.json"
    sink = made(path)
    sink.restore({})
    for index, count in enumerate((0, 2, 0, 1)):
        sink.write([message(index=index, count=count)], [None])
        sink.states()
        sink.committed()
    assert path.read_text().count("\n") == 3  # so far not closed
    sink.finish("cam")
    sink.committed()
    entries = json.loads(path.read_text())
    assert [entry["image_id"] for entry in entries] == [2, 2, 4]
    assert [entry["category_id"] for entry in entries] == [3, 6, 3]  # car, bus, car


def test_a_source_in_which_nothing_was_found_is_an_empty_list(tmp_path: Path) -> None:
    path = tmp_path / "o.coco.json"
    sink = made(path)
    sink.restore({})
    sink.write([message(count=0)], [None])
    sink.finish("cam")
    sink.committed()
    assert json.loads(path.read_text()) == []


def test_a_successor_goes_on_behind_the_last_entry(tmp_path: Path) -> None:
    path = tmp_path / "o.coco.json"
    first = made(path)
    first.restore({})
    first.write([message(count=1)], [None])
    states = first.states()
    first.close()
    successor = made(path)
    successor.restore(states)
    successor.write([message(index=1, count=1)], [None])
    successor.finish("cam")
    successor.committed()
    assert [entry["image_id"] for entry in json.loads(path.read_text())] == [1, 2]
