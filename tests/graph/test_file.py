from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.config.files import shipped_names
from streamdet.errors import ConfigError
from streamdet.graph import load_graph
from streamdet.graph.file import find_graph
from tests.graph.graphs import PEOPLE, faults, load_text, people


@pytest.mark.parametrize("name", shipped_names("pipelines"))
def test_every_shipped_graph_is_right(name: str) -> None:
    assert load_graph(name, environ={}).name == name.replace("_", "-")


def test_the_people_graph_has_the_promised_nodes() -> None:
    graph = load_graph("pipelines/people.yaml", environ={})
    assert {node.name: (node.role, node.kind) for node in graph.nodes.values()} == {
        "camera": ("source", "synthetic"),
        "prepare": ("transform", "letterbox"),
        "detect": ("detector", "yolox"),
        "track": ("tracker", "byte_track"),
        "publish": ("sink", "redis_stream"),
    }


def test_nodes_come_behind_what_they_read_whatever_the_file_order(tmp_path: Path) -> None:
    head, *nodes = PEOPLE.partition("nodes:\n")[2].splitlines(True)
    text = f"version: 1\nname: people\nnodes:\n{''.join(reversed([head, *nodes]))}"
    order = list(load_text(text, tmp_path).nodes)
    assert order == ["camera", "prepare", "detect", "track", "publish"]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "g.yaml: must hold the keys version and nodes"),
        ("nodes: 4", "g.yaml:1: version is missing"),
        ("version: 1\nnodes: {}", "g.yaml:2: nodes must be keys and values, at least 1, got {}"),
        (PEOPLE.replace("1", "2", 1), "g.yaml:1: version must be 1, got 2"),
        (PEOPLE + "nods: 4", "g.yaml:9: nods is an unknown key; did you mean 'nodes'?"),
        (PEOPLE.replace("  track", "  Track"), "g.yaml:7: Track must be small letters and digits"),
        (PEOPLE.replace("  track", "  detect"), "g.yaml:7: key 'detect' stands twice, first in"),
    ],
)
def test_a_wrong_file_is_named_with_its_line(text: str, sentence: str, tmp_path: Path) -> None:
    assert faults(text, tmp_path)[0].startswith(sentence)


def test_all_independent_faults_are_shown(tmp_path: Path) -> None:
    text = PEOPLE.replace("model: hog_people", "modl: hog_people").replace(
        "reads: track,", "reads: track, maxlen: 0,"
    )
    assert [line.partition(" ")[0] for line in faults(text, tmp_path)] == ["g.yaml:6:", "g.yaml:8:"]


def test_no_more_than_ten_faults_are_shown(tmp_path: Path) -> None:
    text = PEOPLE + "".join(f"  n{i}: {{kind: sinc}}\n" for i in range(12))
    lines = faults(text, tmp_path)
    assert len(lines) == 11
    assert lines[-1] == "g.yaml: and 2 more problems"


@pytest.mark.parametrize(
    ("file", "name"), [("g.yaml", "g"), ("My_Graph 2.yaml", "my-graph-2"), ("ü.yaml", "graph")]
)
def test_a_graph_without_a_name_is_called_like_its_file(
    file: str, name: str, tmp_path: Path
) -> None:
    (tmp_path / file).write_text(PEOPLE.replace("name: people\n", ""))
    assert load_graph(tmp_path / file, environ={}).name == name


def test_a_value_from_the_environment_is_shown_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "g.yaml").write_text(people(camera="kind: source, uri: '${FROM}/x.mp4'"))
    with pytest.raises(ConfigError) as caught:
        load_graph(tmp_path / "g.yaml", environ={"FROM": "/nope"})
    assert "is not a source: /nope/x.mp4: no such file" in str(caught.value)
    assert str(caught.value).endswith("(from ${FROM}/x.mp4)")


def test_a_shipped_graph_is_found_by_name_and_by_path() -> None:
    assert find_graph("people") == find_graph("pipelines/people.yaml").resolve()


def test_a_graph_that_is_not_there_names_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match="no such file and no shipped graph; did you mean 'people"
    ):
        find_graph("elsewhere/peopel.yaml")
