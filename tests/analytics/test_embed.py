"""Objects get vectors by which they can be known again: what the network says, at length 1."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.analytics import AnalyticsContext
from streamdet.analytics.embed import Embed, EmbedOptions
from streamdet.api import run
from streamdet.archive.detection_graph import split
from streamdet.errors import ConfigError
from streamdet.graph import load_graph
from streamdet.image import ArrayImage
from streamdet.messages import FrameMessage
from tests.analytics.colour_network import write_colour_network
from tests.analytics.test_classify import BLUE, GREEN, RED, message, scene
from tests.commands.constant_model import write_constant_model
from tests.faults.storm import lines_of
from tests.graph.graphs import faults

INPUT = {"name": "image", "hw": (8, 8), "colour": "rgb"}
NOTHING = [0, 0, 0]


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return write_colour_network(tmp_path / "colours.onnx")


def make(network: Path, **options: Any) -> Embed:
    stated = {"network": network, "input": INPUT, **options}
    return Embed(EmbedOptions(**stated), AnalyticsContext("cam", {"toy": ("car", "bus")}))


def vectors(embed: Embed, sent: FrameMessage, image: ArrayImage | None) -> list[list[float]]:
    found = embed.look(sent, image).detections
    assert found is not None
    assert found.vectors is not None
    assert found.vectors.dtype == np.float16
    said: list[list[float]] = found.vectors.tolist()
    return said


def test_each_object_gets_the_vector_of_its_own_box_at_length_1(network: Path) -> None:
    said = vectors(make(network), message(0, None, None), scene(RED, (60, 80, 0)))
    assert said[0] == [1, 0, 0]
    assert said[1] == pytest.approx([0, 0.8, 0.6], abs=1e-3)  # red, green, blue


def test_a_track_has_the_mean_of_its_looks_in_every_frame(network: Path) -> None:
    embed = make(network, every_frames=2)
    assert vectors(embed, message(0, 1), scene(RED)) == [[1, 0, 0]]
    assert vectors(embed, message(1, 1), scene(GREEN)) == [[1, 0, 0]]
    both = pytest.approx([0.7071, 0.7071, 0], abs=1e-3)
    assert vectors(embed, message(2, 1), scene(GREEN)) == [both]
    assert vectors(embed, message(3, 1), None) == [both]


def test_where_nothing_is_seen_there_is_nothing(network: Path) -> None:
    embed = make(network, min_score=0.9, classes=("bus",))
    assert vectors(embed, message(0, None, None, class_ids=(1, 0)), scene(RED, BLUE)) == [
        [1, 0, 0],
        NOTHING,
    ]
    assert vectors(make(network, min_score=0.91), message(0, 1), scene(RED)) == [NOTHING]
    assert vectors(make(network), message(0, 0, 1), scene(RED, BLUE)) == [NOTHING, [0, 0, 1]]
    assert vectors(make(network), message(0, None), None) == [NOTHING]
    assert vectors(make(network), message(0), scene()) == []


def test_it_goes_on_from_its_state(network: Path) -> None:
    unbroken, first = make(network, every_frames=2), make(network, every_frames=2)
    for embed in (unbroken, first):
        vectors(embed, message(0, 1), scene(RED))
    second = make(network, every_frames=2)
    second.restore(first.state())
    for n in range(1, 4):
        sent, image = message(n, 1), scene(BLUE)
        assert vectors(second, sent, image) == vectors(unbroken, sent, image)
    assert second.state() == unbroken.state()


GRAPH = """\
version: 1
name: known
nodes:
  camera: {kind: source, uri: 'synthetic:street?frames=12&hw=160x180', process: front}
  prepare: {kind: transform, reads: camera, process: front}
  detect: {kind: detector, reads: prepare, model: "MODEL"}
  embed:
    kind: embed
    reads: detect
    network: NETWORK
    input: {name: image, hw: [8, 8], colour: rgb}
    process: back
  track: {kind: bot_sort, reads: embed, process: back}
  publish: {kind: redis_stream, reads: track, process: back}
"""


def graph_text(network: Path, folder: Path) -> str:
    model = write_constant_model(folder, name="constant")
    return GRAPH.replace("MODEL", model).replace("NETWORK", str(network))


def test_a_tracker_gets_them_and_a_sink_says_them_where_that_is_asked(
    network: Path, tmp_path: Path
) -> None:
    graph, outputs = tmp_path / "known.yaml", [tmp_path / "o.jsonl", tmp_path / "p.jsonl"]
    graph.write_text(graph_text(network, tmp_path))
    run(graph, outputs=outputs, overrides={"output-1.vectors": True})
    (said,), (silent,) = (lines_of(path)[-1]["objects"] for path in outputs)
    vector = np.frombuffer(b64decode(said.pop("vector")), "<f2").astype(np.float64)
    assert len(vector) == 3
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)
    assert said == silent
    assert said["id"] == 1


def test_the_detector_hands_on_the_low_scores_that_a_tracker_wants(
    network: Path, tmp_path: Path
) -> None:
    text = graph_text(network, tmp_path)
    (tmp_path / "g.yaml").write_text(text.replace(str(tmp_path / "constant.yaml"), "street"))
    graph = load_graph(tmp_path / "g.yaml", overrides=["publish.process=out"])
    assert dict(graph.nodes["detect"].options)["score_thresh"] == 0.1  # street's low_thresh
    assert dict(graph.nodes["track"].options)["new_thresh"] == 0.6
    assert [node.name for node in graph.image_readers("camera")] == ["prepare", "embed"]


def test_what_does_not_fit_is_one_sentence(network: Path, tmp_path: Path) -> None:
    text = graph_text(network, tmp_path)
    twice = text.replace("reads: embed", "reads: embed, embed_model: osnet.onnx")
    (said,) = faults(twice, tmp_path)
    assert "track.embed_model must be left out: the vectors of 'embed' are used" in said
    late = text.replace("reads: detect\n", "reads: first\n").replace(
        "  track:", "  first: {kind: sort, reads: detect}\n  track:"
    )
    (said,) = faults(late, tmp_path)
    assert "track.reads brings objects of 'first': embed must read the detector then" in said


def test_an_archive_refuses_analytics_that_look_at_images(network: Path, tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text(graph_text(network, tmp_path))
    with pytest.raises(ConfigError, match=r"embed \(embed\) looks at images, which are gone when"):
        split(load_graph(tmp_path / "g.yaml"))


def test_children_have_no_vectors_and_selections_keep_theirs() -> None:
    found = message(0, 1, 2).detections
    assert found is not None
    found = replace(found, vectors=np.eye(2, dtype=np.float16))
    last = found[np.array([1])]
    assert last.vectors is not None
    assert last.vectors.tolist() == [[0, 1]]
    with pytest.raises(ValueError, match=r"vectors must be \(2, D\), got \(1, 2\)"):
        replace(found, vectors=np.eye(2, dtype=np.float16)[:1])
