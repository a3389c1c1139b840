"""Polygons and lines as a graph states them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamdet.errors import ConfigError
from streamdet.graph import load_graph

GRAPH = {
    "version": 1,
    "nodes": {
        "camera": {"kind": "source", "uri": "synthetic:street", "process": "front"},
        "prepare": {"kind": "transform", "reads": "camera", "process": "front"},
        "detect": {"kind": "detector", "reads": "prepare", "model": "people"},
        "track": {"kind": "byte_track", "reads": "detect"},
        "publish": {"kind": "redis_stream", "reads": "analytics"},
    },
}
TRIANGLE = [[0, 0], [1, 0], [0.5, 1]]


def refused(tmp_path: Path, analytics: dict[str, Any]) -> str:
    """The sentence with which a graph is refused, without its file and line."""
    path = tmp_path / "graph.yaml"
    nodes = {**GRAPH["nodes"], "analytics": {"reads": "track", **analytics}}  # type: ignore[dict-item]
    path.write_text(yaml.safe_dump({**GRAPH, "nodes": nodes}))
    with pytest.raises(ConfigError) as raised:
        load_graph(path)
    assert re.match(rf"{path}:\d+: ", str(raised.value))
    return str(raised.value).partition(": ")[2]


@pytest.mark.parametrize(
    ("polygon", "sentence"),
    [
        ([[0, 0], [1, 1]], "must have at least 3 points, got 2"),
        ([[0, 0], [3, 3], [3, 0], [0, 2]], "must not cross itself, it does at [1.2, 1.2]"),
        ([[0, 0], [1, 1], [0.5, 0.5]], "must enclose an area, got [0, 0], [1, 1], [0.5, 0.5]"),
        ([[-0.1, 0], [1, 0], [1, 1]], "lies outside the image: [-0.1, 0] is below 0"),
        (
            [[0, 0], [4, 0], [4, 4], [2, 0], [0, 4]],
            "must enclose an area without touching itself",
        ),
        (
            [[0.1, 0], [1.2, 0], [1, 1]],
            "mixes fractions and pixels, got [0.1, 0], [1.2, 0], [1, 1]: from 0 to 1 is"
            " the whole image, and a fraction above 1 lies outside it",
        ),
    ],
)
def test_what_is_no_polygon_is_refused(tmp_path: Path, polygon: Any, sentence: str) -> None:
    zones = {"kind": "zones", "zones": {"yard": {"polygon": polygon}}}
    assert refused(tmp_path, zones) == f"analytics.zones.yard.polygon {sentence}"


@pytest.mark.parametrize("line", [[[0, 0]], [[0, 0], [1, 1], [1, 0]], [[1, 1], [1, 1]]])
def test_what_is_no_line_is_refused(tmp_path: Path, line: Any) -> None:
    sentence = refused(tmp_path, {"kind": "lines", "lines": {"gate": {"line": line}}})
    assert sentence.startswith("analytics.lines.gate.line must have 2 different points, got [")


def test_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    zones = {"kind": "zones", "zones": {"yard": {"polygon": TRIANGLE, "source": "stret"}}}
    assert refused(tmp_path, zones) == (
        "analytics.zones.yard.source must name a source of the graph, got 'stret';"
        " did you mean 'street'?"
    )


def test_a_class_that_the_model_lacks_is_refused(tmp_path: Path) -> None:
    lines = {"gate": {"line": [[0, 0.5], [1, 0.5]], "classes": ["persn"]}}
    assert refused(tmp_path, {"kind": "lines", "lines": lines}) == (
        "analytics.lines.gate.classes must name classes of the model, got 'persn';"
        " did you mean 'person'?"
    )


def test_a_zone_without_a_polygon_is_told_its_key(tmp_path: Path) -> None:
    zones = {"kind": "zones", "zones": {"yard": {"poligon": TRIANGLE}}}
    assert "poligon is an unknown key; did you mean 'polygon'?" in refused(tmp_path, zones)


def test_a_zone_that_no_node_before_has_is_refused(tmp_path: Path) -> None:
    watched = {"kind": "presence", "presence": {"thief": {"zone": "yard"}}}
    assert refused(tmp_path, watched) == (
        "analytics.presence.thief.zone must name a zone of a node before this one, got 'yard';"
        " there is none"
    )


def test_a_machine_without_shapely_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "shapely", None)
    sentence = refused(tmp_path, {"kind": "zones", "zones": {"yard": {"polygon": TRIANGLE}}})
    assert sentence.startswith(
        "analytics.zones.yard.polygon needs shapely: pip install -e '.[zones]'"
    )
