"""Events as lines of a file; what is promised of every sink stands in tests/contracts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.formats.event_json import check_event
from streamdet.graph import load_graph
from streamdet.registry import load
from tests.sinks.frames import context, image, message

OUT = "street.events.jsonl"


def test_each_event_is_a_line_and_a_frame_without_events_none(tmp_path: Path) -> None:
    kind = load("sink", "event_file")
    sink = kind(kind.Options(path=tmp_path / OUT), context("cam"))
    sink.restore({})
    sink.write([message(index=i, count=i) for i in range(3)], [image()] * 3)
    sink.states()
    sink.committed()
    sink.close()
    lines = (tmp_path / OUT).read_text().splitlines()
    assert [(e["frame_id"], e["track"]) for e in map(json.loads, lines)] == [(1, 1), (2, 1), (2, 2)]
    assert all(check_event(line) for line in lines)


def test_an_output_that_ends_so_is_one() -> None:
    graph = load_graph("zones", outputs=[f"new/{OUT}", "new/street.jsonl"])
    assert [graph.nodes[f"output-{n}"].kind for n in (1, 2)] == ["event_file", "jsonl"]
    assert graph.nodes["output-1"].reads == ("lines",)


def test_one_that_no_event_can_reach_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"event_file must read analytics, .* graph `zones` has some"
    ):
        load_graph("people", outputs=[OUT])
