from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.options import Options
from streamdet.registry import KINDS
from tests.graph.graphs import faults, load_text, people

SOURCE = "kind: source, uri: 'synthetic:street'"
DETECT = "kind: detector, reads: prepare, model: hog_people"


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (
            {"track": "kind: sort, reads: detec"},
            "g.yaml:7: track.reads must name a node, got 'detec'; did you mean 'detect'?",
        ),
        (
            {"track": "kind: sort"},
            "g.yaml:7: track.reads is missing: a tracker must name what it reads",
        ),
        (
            {"track": "kind: sort, reads: [detect, detect]"},
            "g.yaml:7: track.reads names 'detect' twice",
        ),
        (
            {"track": "kind: sort, reads: publish"},
            "g.yaml:7: track.reads closes the cycle track -> publish -> track",
        ),
        (
            {"detect": "kind: detector, reads: detect, model: hog_people"},
            "g.yaml:6: detect.reads closes the cycle detect -> detect",
        ),
        (
            {"detect": "kind: detector, reads: camera, model: hog_people"},
            "g.yaml:6: detect.reads joins detect to 'camera', which is a source: "
            "a detector must be read from a transform or crop",
        ),
        (
            {"camera": f"{SOURCE}, reads: other", "other": SOURCE},
            "g.yaml:4: camera.reads joins camera to 'other', which is a source: "
            "a source reads nothing",
        ),
        (
            {"more": "kind: jsonl, reads: publish, path: x.jsonl"},
            "g.yaml:9: more.reads joins more to 'publish', which is a sink: "
            "a sink must be read from a source, detector, tracker or analytics",
        ),
        (
            {"extra": "kind: sort, reads: detect"},
            "g.yaml:9: extra is read by no node: a tracker must end in a sink",
        ),
        (
            {
                "two": "kind: sort, reads: detect",
                "publish": "kind: redis_stream, reads: [track, two]",
            },
            "g.yaml:8: publish.reads brings each frame of 'camera' twice, by 'track' and by 'two'",
        ),
        (
            {"publish": "kind: redis_stream, reads: track, process: front"},
            "g.yaml:8: publish.process puts a second entry into process 'front': "
            "frames must enter it at one node, and 'camera' is one already",
        ),
        (
            {"publish": "kind: redis_stream, reads: track, process: detect"},
            "g.yaml:8: publish.process puts a second entry into process 'detect': "
            "frames must enter it at one node, and 'detect' is one already",
        ),
        (
            {"publish": "kind: redis_stream, reads: track, process: track"},
            "g.yaml:8: publish.process must not be the name of another node, got 'track'",
        ),
        (
            {
                "track": "kind: byte_track, reads: detect, process: back, batch: 4",
                "publish": "kind: redis_stream, reads: track, process: back, max_wait_ms: 5",
            },
            "g.yaml:8: publish.max_wait_ms must be stated at 'track' instead, which reads the "
            "batches of process 'back'",
        ),
        (
            {
                "prepare": "kind: transform, reads: camera, replicas: 2",
                "detect": f"{DETECT}, process: rest",
                "track": "kind: sort, reads: detect, process: rest",
                "publish": "kind: redis_stream, reads: track",
            },
            "g.yaml:5: prepare.replicas must be 1, got 2: 'detect' reads the images of 'prepare' "
            "in the process of 'track', which meets frames in order",
        ),
        (
            {"track": "kind: sort, reads: detect, replicas: 2"},
            "g.yaml:7: track.replicas must be 1, got 2: 'track' in its process is a tracker, "
            "which meets frames in order",
        ),
        (
            {"detect": f"{DETECT}, process: front, replicas: auto"},
            "g.yaml:6: detect.replicas must be 1, got auto: 'camera' in its process is a source, "
            "which meets frames in order",
        ),
    ],
)
def test_a_wrong_join_is_one_sentence(lines: dict[str, str], sentence: str, tmp_path: Path) -> None:
    assert sentence in faults(people(**lines), tmp_path)


def test_a_misspelt_name_is_one_error(tmp_path: Path) -> None:
    assert faults(people(prepare="kind: transform, reads: camra, process: front"), tmp_path) == [
        "g.yaml:5: prepare.reads must name a node, got 'camra'; did you mean 'camera'?"
    ]


def test_replicated_transforms_may_be_read_where_order_does_not_count(tmp_path: Path) -> None:
    text = people(
        prepare="kind: transform, reads: camera, replicas: 2", detect=f"{DETECT}, replicas: 2"
    )
    assert load_text(text, tmp_path).group_of("prepare").replicas == 2


def test_a_graph_without_a_source_is_refused(tmp_path: Path) -> None:
    text = people(camera="", prepare="kind: letterbox, hw: [64, 64], reads: camera")
    assert "g.yaml:3: nodes must hold a node of kind source" in faults(text, tmp_path)


def test_a_long_cycle_is_named_whole(tmp_path: Path) -> None:
    text = people(
        prepare="kind: letterbox, hw: [64, 64], reads: track",
        camera="kind: source, uri: 'synthetic:street'",
    )
    (cycle,) = (line for line in faults(text, tmp_path) if "cycle" in line)
    assert cycle.endswith("closes the cycle prepare -> track -> detect -> prepare")


def test_two_sources_may_meet_in_one_detector(tmp_path: Path) -> None:
    text = people(
        second="kind: source, uri: 'synthetic:street'",
        other="kind: transform, reads: second",
        detect="kind: detector, reads: [prepare, other], model: hog_people",
    )
    assert load_text(text, tmp_path).sources_reaching("publish") == ("street", "street-2")


class Toy:
    """Analytics that nobody runs."""

    Options = Options


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KINDS["analytics"], "toy", "tests.graph.test_topology:Toy")


@pytest.mark.usefixtures("toy")
def test_analytics_stand_behind_each_other_and_before_the_outputs(tmp_path: Path) -> None:
    lines = {"count": "kind: toy, reads: track", "leave": "kind: toy, reads: count"}
    publish = "kind: redis_stream, reads: leave"
    graph = load_text(people(**lines, publish=publish), tmp_path, outputs=["o.jsonl"])
    assert [(node.name, node.reads) for node in graph.nodes_of_role("analytics")] == [
        ("count", ("track",)),
        ("leave", ("count",)),
    ]
    assert [node.reads for node in graph.nodes_of_role("sink")] == [("leave",), ("leave",)]


@pytest.mark.usefixtures("toy")
@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "kind: toy, reads: camera",
            "g.yaml:9: count.reads joins count to 'camera', which is a source: an analytics node "
            "must be read from a detector, tracker or analytics",
        ),
        (
            "kind: toy, reads: track, replicas: 2",
            "g.yaml:9: count.replicas must be 1, got 2: 'count' in its process is an analytics "
            "node, which meets frames in order",
        ),
        ("kind: toy", "g.yaml:9: count.reads is missing: an analytics node must name what"),
    ],
)
def test_wrong_analytics_are_refused(tmp_path: Path, line: str, sentence: str) -> None:
    text = people(count=line, after="kind: jsonl, reads: count, path: a.jsonl")
    assert any(fault.startswith(sentence) for fault in faults(text, tmp_path))
