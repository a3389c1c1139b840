"""A second network gives objects an attribute: seldom, by all looks at a track, and exactly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.classify import Classify, ClassifyOptions
from streamdet.analytics.network_looks import crop
from streamdet.api import run
from streamdet.detections import Detections
from streamdet.errors import ConfigError, EngineError
from streamdet.graph import load_graph
from streamdet.image import ArrayImage
from streamdet.messages import FrameMessage
from tests.analytics.colour_network import write_colour_network
from tests.sinks.frames import frame

RED, GREEN, BLUE = (0, 0, 200), (0, 200, 0), (200, 0, 0)
"""BGR."""
LEFT, RIGHT = (4, 4, 20, 20), (34, 4, 50, 20)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write_colour_network(tmp_path / "colours.onnx")


def make(network: Path, **options: Any) -> Classify:
    stated = {
        "attribute": "colour",
        "network": network,
        "labels": ("red", "green", "blue"),
        "input": {"name": "image", "hw": (8, 8), "colour": "rgb"},
        **options,
    }
    context = AnalyticsContext("cam", {"toy": ("car", "bus")})
    return Classify(ClassifyOptions(**stated), context)


def scene(*colours: tuple[int, int, int]) -> ArrayImage:
    """An image with a square of each colour, at LEFT and RIGHT."""
    pixels = np.full((48, 64, 3), 90, np.uint8)
    for (x1, y1, x2, y2), colour in zip((LEFT, RIGHT), colours, strict=False):
        pixels[y1:y2, x1:x2] = colour
    return ArrayImage(pixels)


def message(index: int, *tracks: int | None, class_ids: tuple[int, ...] = (0, 0)) -> FrameMessage:
    """A frame with objects at LEFT and RIGHT; a track 0 is none, None: there is no tracker."""
    count = len(tracks)
    ids = None if None in tracks else np.array(tracks, np.int64)
    boxes = np.array([LEFT, RIGHT][:count], np.float32).reshape(-1, 4)
    found = Detections(boxes, np.full(count, 0.9), np.array(class_ids[:count]), ids)
    return FrameMessage(frame(index=index), detections=found, model="toy")


def said(classify: Classify, sent: FrameMessage, image: ArrayImage | None) -> list[str | None]:
    found = classify.look(sent, image).detections
    assert found is not None
    assert found.attributes is not None
    return [each.get("colour") for each in found.attributes]


def test_each_object_gets_what_its_own_box_shows(network: Path) -> None:
    classify = make(network)
    assert said(classify, message(0, 1, 2), scene(RED, BLUE)) == ["red", "blue"]


def test_a_track_is_looked_at_again_after_every_frames_and_keeps_it_between(network: Path) -> None:
    classify = make(network, every_frames=3)
    looks = [said(classify, message(0, 1), scene(RED))]
    looks += [said(classify, message(n, 1), scene(BLUE)) for n in range(1, 7)]
    # Frame 3 is the second look: half red, half blue, so both 0.5; frame 6 the third.
    assert looks == [["red"]] * 6 + [["blue"]]


def test_all_looks_count_and_one_bad_look_changes_nothing(network: Path) -> None:
    classify = make(network, every_frames=1)
    seen = [said(classify, message(n, 1), scene(GREEN if n == 2 else RED)) for n in range(4)]
    assert seen == [["red"]] * 4


def test_what_is_unsure_is_not_said(network: Path) -> None:
    assert said(make(network), message(0, 1), scene((90, 90, 90))) == [None]  # a third each


def test_other_classes_and_objects_without_a_track_are_left_out(network: Path) -> None:
    classify = make(network, classes=("bus",))
    assert said(classify, message(0, 1, 2, class_ids=(0, 1)), scene(RED, BLUE)) == [None, "blue"]
    assert said(make(network), message(0, 0, 2), scene(RED, BLUE)) == [None, "blue"]


def test_without_a_tracker_each_frame_is_looked_at(network: Path) -> None:
    classify = make(network, every_frames=10)
    assert said(classify, message(0, None, None), scene(RED, BLUE)) == ["red", "blue"]
    assert said(classify, message(1, None, None), scene(BLUE, GREEN)) == ["blue", "green"]


def test_no_more_than_most_looks_in_a_frame_and_the_others_come_next(network: Path) -> None:
    classify = make(network, most_looks=1)
    assert said(classify, message(0, 1, 2), scene(RED, BLUE)) == ["red", None]
    assert said(classify, message(1, 1, 2), scene(RED, BLUE)) == ["red", "blue"]


def test_a_lost_image_a_box_outside_and_an_empty_frame_are_no_error(network: Path) -> None:
    classify = make(network)
    assert said(classify, message(0, 1), None) == [None]
    assert said(classify, message(1), scene()) == []
    outside = message(2, 1)
    assert outside.detections is not None
    boxes = np.array([[60, 40, 90, 90]], np.float32)
    assert said(classify, replace(outside, detections=replace(outside.detections, xyxy=boxes)),
                scene()) == [None]  # fmt: skip


def test_it_goes_on_from_its_state(network: Path) -> None:
    unbroken, first = make(network, every_frames=2), make(network, every_frames=2)
    scenes = [scene(RED), scene(BLUE), scene(BLUE), scene(BLUE), scene(BLUE)]
    for n in range(2):
        unbroken.look(message(n, 1), scenes[n])
        first.look(message(n, 1), scenes[n])
    second = make(network, every_frames=2)
    second.restore(first.state())
    for n in range(2, 5):
        assert said(second, message(n, 1), scenes[n]) == said(unbroken, message(n, 1), scenes[n])
    assert second.state() == unbroken.state()


def test_earlier_attributes_stay(network: Path) -> None:
    first = message(0, 1)
    assert first.detections is not None
    first = replace(first, detections=replace(first.detections, attributes=({"size": "big"},)))
    found = make(network).look(first, scene(RED)).detections
    assert found is not None
    assert found.attributes == ({"size": "big", "colour": "red"},)


def test_a_crop_has_its_margin_and_ends_at_the_border() -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:, 10:] = 200
    assert crop(pixels, (10, 0, 14, 4), (4, 4), 0.0).min() == 200
    with_margin = crop(pixels, (10, 4, 14, 8), (6, 6), 0.25)  # from 9 to 15
    assert with_margin[:, 0].max() == 0
    assert with_margin[:, 1:].min() == 200
    assert crop(pixels, (18, 18, 40, 40), (2, 2), 0.0).shape == (2, 2, 3)


def test_a_network_that_does_not_fit_is_a_sentence(network: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="has 3 scores, wanted one for each of the 2 labels"):
        said(make(network, labels=("red", "blue")), message(0, 1), scene(RED))
    with pytest.raises(EngineError, match="has no output 'logits'; it has scores"):
        said(make(network, output="logits"), message(0, 1), scene(RED))
    (tmp_path / "no.onnx").write_text("nothing")
    with pytest.raises(EngineError, match=r"no.onnx: onnxruntime cannot load it"):
        make(tmp_path / "no.onnx")


GRAPH = """\
version: 1
nodes:
  camera: {kind: source, uri: 'synthetic:street?frames=30&hw=240x320', process: front}
  prepare: {kind: transform, reads: camera, process: front}
  detect: {kind: detector, reads: prepare, model: people}
  track: {kind: byte_track, reads: detect, process: back}
  colour:
    kind: classify
    reads: track
    process: back
    attribute: colour
    network: NETWORK
    labels: [red, green, blue]
    input: {name: image, hw: [8, 8], colour: rgb}
    min_score: 0.4
"""


def test_a_run_publishes_what_its_second_network_says(network: Path, tmp_path: Path) -> None:
    graph, output = tmp_path / "graph.yaml", tmp_path / "out.jsonl"
    graph.write_text(GRAPH.replace("NETWORK", str(network)))
    report = run(str(graph), outputs=[str(output)])
    assert report.outcome == "done"
    frames = list(map(json.loads, output.read_text().splitlines()))
    tracked = [each for one in frames for each in one["objects"] if each["id"] is not None]
    named = [each for each in tracked if each["attributes"].get("colour")]
    assert len(tracked) > 30
    assert len(named) > len(tracked) / 2


def test_a_network_that_is_not_there_is_refused_before_the_run(tmp_path: Path) -> None:
    graph = tmp_path / "graph.yaml"
    graph.write_text(GRAPH.replace("NETWORK", str(tmp_path / "none.onnx")))
    with pytest.raises(ConfigError, match=r"graph.yaml:\d+: .*must be an ONNX file, got .*none"):
        load_graph(str(graph), outputs=[str(tmp_path / "out.jsonl")])
