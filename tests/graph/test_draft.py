from __future__ import annotations

from pathlib import Path

import pytest

from tests.graph.graphs import faults, load_text, people


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("kind: byte_trac, reads: detect", "track.kind must be a known kind, got 'byte_trac'; did"),
        ("kind: onnxruntime, reads: detect", "track.kind must be a known kind, got 'onnxruntime'"),
        ("reads: detect", "track.kind is missing"),
        ("kind: sort, reads: 4", "track.reads must be small letters and digits"),
        ("kind: sort, reads: [detect, Bad]", "track.reads.1 must be small letters and digits"),
        ("kind: sort, reads: detect, process: A", "track.process must be small letters"),
        ("kind: sort, reads: detect, replicas: 0", "track.replicas must be at least 1 or 'auto'"),
        ("kind: sort, reads: detect, batch: 0", "track.batch must be at least 1, got 0"),
        ("kind: sort, reads: detect, max_wait_ms: -1", "track.max_wait_ms must be at least 0"),
    ],
)
def test_a_wrong_general_key_is_named(line: str, sentence: str, tmp_path: Path) -> None:
    assert faults(people(track=line), tmp_path)[0].startswith(f"g.yaml:7: {sentence}")


@pytest.mark.parametrize("name", ["a", "a1", "a-b", "a_b-c2", "x" * 40])
def test_good_names_are_accepted(name: str, tmp_path: Path) -> None:
    text = people(track="kind: sort, reads: detect", publish="kind: redis_stream, reads: track")
    assert name in load_text(text.replace("publish", name), tmp_path).nodes


@pytest.mark.parametrize("name", ["A", "1a", "a-", "a--b", "_a", "a b", "ä", "x" * 41])
def test_bad_names_are_refused(name: str, tmp_path: Path) -> None:
    (sentence,) = faults(people().replace("publish", name), tmp_path)
    assert f"got '{name}'" in sentence


def test_general_keys_arrive_in_the_node(tmp_path: Path) -> None:
    line = (
        "kind: detector, reads: prepare, model: hog_people, replicas: 3, batch: 4, max_wait_ms: 2"
    )
    node = load_text(people(detect=line), tmp_path).nodes["detect"]
    assert (node.replicas, node.batch, node.max_wait_ms) == (3, 4, 2.0)
    assert node.process == "detect"


def test_auto_replicas_are_one_for_each_core(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1, 2})
    line = "kind: detector, reads: prepare, model: hog_people, replicas: auto"
    assert load_text(people(detect=line), tmp_path).nodes["detect"].replicas == 3
