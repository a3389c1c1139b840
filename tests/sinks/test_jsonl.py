from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from streamdet.sinks.jsonl import JsonlOptions, JsonlSink
from tests.sinks.frames import context, message


def test_all_sources_share_one_file_a_line_for_each_frame_dropped_or_not(tmp_path: Path) -> None:
    sink = JsonlSink(JsonlOptions(path=tmp_path / "o.jsonl"), context("left", "right"))
    sink.restore({})
    dropped = replace(message("right", 0), drop_reason="stale")
    sink.write([message("left", 0), dropped, message("left", 1)], [None] * 3)
    sink.committed()
    sink.close()
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert [(line["source_id"], line["frame_id"]) for line in lines] == [
        ("left", 0),
        ("right", 0),
        ("left", 1),
    ]
    assert (lines[1]["dropped"], lines[1]["objects"]) == ("stale", [])
