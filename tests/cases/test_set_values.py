"""Values of `--set` as people type them, and keys that a kind of transform must state."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.cli import main
from streamdet.graph import load_graph

SIZE = "prepare.kind=letterbox"


@pytest.mark.parametrize(
    ("entry", "node", "option", "value"),
    [
        ("detect.classes=person,car", "detect", "classes", ("person", "car")),
        ("detect.classes=person", "detect", "classes", ("person",)),
        ("detect.classes= person, car ", "detect", "classes", ("person", "car")),
        ("detect.classes=[person, car]", "detect", "classes", ("person", "car")),
        ("detect.scales=0.75,1", "detect", "scales", (0.75, 1.0)),
        ("detect.scales=1", "detect", "scales", (1.0,)),
    ],
)
def test_a_list_is_stated_with_or_without_brackets(
    entry: str, node: str, option: str, value: tuple[object, ...]
) -> None:
    graph = load_graph("street", sources=["synthetic:street"], overrides=[entry])
    assert getattr(graph.nodes[node].options, option) == value


def test_sizes_and_what_a_node_reads_are_lists_too() -> None:
    graph = load_graph("people", overrides=[SIZE, "prepare.hw=352,416", "track.reads=detect"])
    assert graph.nodes["prepare"].options.model_dump()["hw"] == (352, 416)


def error_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main([*arguments]) == 2
    return capsys.readouterr().err.splitlines()[0]


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("detect.classes=person,cra", "model 'street' has no class 'cra'"),
        ("detect.scales=1,x", "detect.scales.1 must be a number, got 'x'"),
    ],
)
def test_a_wrong_entry_of_a_list_is_named(
    entry: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sentence in error_of(capsys, "check", "street", "--set", entry)


def test_a_list_in_a_file_keeps_its_brackets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = tmp_path / "g.yaml"
    graph.write_text(
        "version: 1\nnodes:\n  camera: {kind: source, uri: 'synthetic:street'}\n"
        "  prepare: {kind: transform, reads: camera}\n"
        "  detect: {kind: detector, reads: prepare, model: street, classes: 'person,car'}\n"
        "  publish: {kind: redis_stream, reads: detect, stream: s}\n"
    )
    line = error_of(capsys, "check", str(graph))
    assert "detect.classes must be a list (for example [person, car]), got 'person,car'" in line


@pytest.mark.parametrize(
    "command",
    [
        ["eval", "model", "people", "--truth", "t.json", "--images", "."],
        ["track", "det.txt", "--tracker", "sort", "--output", "o.txt"],
    ],
)
def test_an_option_with_a_node_before_it_is_told_to_stand_alone(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_of(capsys, *command, "--set", "detect.iou_thresh=0.6")
    assert line.endswith("detect.iou_thresh=0.6: here without 'detect.': --set iou_thresh=...")


@pytest.mark.parametrize("kind", ["letterbox", "stretch"])
def test_a_transform_that_states_too_little_is_told_who_knows_it(
    kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_of(capsys, "check", "people", "--set", f"prepare.kind={kind}")
    assert line.endswith(
        "prepare.hw is missing; `kind: transform` takes it, and all else, from the model"
    )
