from __future__ import annotations

from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.graph import load_graph
from streamdet.system.redaction import short
from tests.graph.graphs import PEOPLE, faults, load_text, people

SCENES = ["synthetic:street", "synthetic:street?seed=2", "synthetic:street?seed=3"]


def test_set_changes_an_option_before_the_check(tmp_path: Path) -> None:
    graph = load_text(PEOPLE, tmp_path, overrides=["detect.score_thresh=0.4", "detect.batch=2"])
    assert graph.nodes["detect"].options.model_dump()["score_thresh"] == 0.4
    assert graph.nodes["detect"].batch == 2


def test_set_takes_values_as_a_yaml_file_does(tmp_path: Path) -> None:
    sets = ["detect.classes=[person]", "publish.stream=2026", "detect.score_thresh="]
    nodes = load_text(PEOPLE, tmp_path, overrides=sets).nodes
    assert nodes["detect"].options.model_dump()["classes"] == ("person",)
    assert nodes["publish"].options.model_dump()["stream"] == "2026"
    assert nodes["detect"].options.model_dump()["score_thresh"] is None


def test_set_does_not_look_at_the_environment(tmp_path: Path) -> None:
    graph = load_text(PEOPLE, tmp_path, overrides=["publish.stream=${HOME}"])
    assert graph.nodes["publish"].options.model_dump()["stream"] == "${HOME}"


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("detect", "must be NODE.OPTION=VALUE, for example detect.batch=4"),
        ("detect=4", "must be NODE.OPTION=VALUE, for example detect.batch=4"),
        ("detect.=4", "must be NODE.OPTION=VALUE, for example detect.batch=4"),
        ("detec.batch=4", "there is no node 'detec'; did you mean 'detect'?"),
        ("detect.batch.x=4", "detect.batch must be a whole number, got {x: 4}"),
        ("detect.kind.x=4", "detect.kind.x=4: kind holds no keys"),
        ("detect.batch=[", "not YAML"),
        ("detect.model=\udcff", "must be UTF-8"),
        ("detect.classes=[a, !x b]", "tags are not supported, got !x"),
        ("detect.score_tresh=1", "detect.score_tresh is an unknown key; did you mean 'score_thre"),
        ("detect.score_thresh=2", "detect.score_thresh must be at most 1, got 2"),
    ],
)
def test_a_wrong_set_is_named_as_it_was_typed(entry: str, sentence: str, tmp_path: Path) -> None:
    (line,) = faults(PEOPLE, tmp_path, overrides=[entry])
    assert line.startswith(f"--set {short(entry)}:")
    assert sentence in line


@pytest.mark.parametrize(
    ("name", "hint"), [("pavment", "; perhaps 'pavement' was meant, not 'pavment'"), ("x", "")]
)
def test_a_set_that_mistypes_a_name_is_told_the_one_that_is_there(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_graph("zones", overrides=[f"zones.zones.{name}.dwell_s=1"])
    first = str(refused.value).splitlines()[0]
    assert first.endswith(f"zones.zones.{name}.polygon is missing{hint}")


def test_a_long_set_is_cut(tmp_path: Path) -> None:
    (line,) = faults(PEOPLE, tmp_path, overrides=[f"detect.model={'x' * 1000}"])
    assert "x" * 81 not in line


def test_source_replaces_the_only_sources_uri(tmp_path: Path) -> None:
    (node,) = load_text(PEOPLE, tmp_path, sources=SCENES[1:2]).nodes_of_role("source")
    assert [item.uri for item in node.items] == SCENES[1:2]


def test_more_sources_clone_the_source_with_the_transforms_of_its_process(tmp_path: Path) -> None:
    graph = load_text(PEOPLE, tmp_path, sources=SCENES, overrides=["camera.every=2"])
    reads = {node.name: (node.reads, node.process) for node in graph.nodes.values()}
    assert reads["prepare-3"] == (("camera-3",), "front-3")
    assert reads["detect"] == (("prepare", "prepare-2", "prepare-3"), "detect")
    assert graph.nodes["camera-3"].items[0].uri == SCENES[2]
    assert graph.nodes["camera-3"].options.model_dump()["every"] == 2


LIVE = ["rtsp://cam/1", "rtsp://u:pw@cam/1", "file:{}?live=1"]


def test_live_sources_are_cameras_of_one_node(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    live = [uri.format(tmp_path / "a.mp4") for uri in LIVE]
    sets = ["camera.cameras.a.fps=2", "camera.read_timeout_s=1"]
    graph = load_text(PEOPLE, tmp_path, sources=live, overrides=sets)
    assert set(graph.nodes) == {"camera", "prepare", "detect", "track", "publish"}
    items = graph.nodes["camera"].items
    assert [(item.source_id, item.uri) for item in items] == list(
        zip(["cam_1", "cam_1-2", "a"], live, strict=True)
    )
    options = [item.options.model_dump() for item in items if item.options]
    assert [each["read_timeout_s"] for each in options] == [1, 1, 1]
    assert [each["fps"] for each in options] == [None, None, 2]


def test_files_between_cameras_have_nodes_of_their_own(tmp_path: Path) -> None:
    sources = [SCENES[0], LIVE[0], SCENES[1], LIVE[1]]
    graph = load_text(PEOPLE, tmp_path, sources=sources)
    found = {node.name: [item.uri for item in node.items] for node in graph.nodes_of_role("source")}
    assert found == {"camera": SCENES[:1], "camera-2": LIVE[:2], "camera-3": SCENES[1:2]}


def test_source_takes_the_place_of_cameras_and_of_a_uri(tmp_path: Path) -> None:
    text = people(camera="kind: source, process: front, cameras: {door: 'rtsp://cam/1'}")
    (node,) = load_text(text, tmp_path, sources=SCENES[:1]).nodes_of_role("source")
    assert [item.uri for item in node.items] == SCENES[:1]
    (node,) = load_text(text, tmp_path, sources=["rtsp://cam/2"]).nodes_of_role("source")
    assert [item.source_id for item in node.items] == ["cam_2"]


def test_a_wrong_camera_is_named_as_it_was_typed_without_its_password(tmp_path: Path) -> None:
    sources = ["rtsp://cam/1", "rstp://u:pw@cam/1", "file:no.mp4?live=1"]
    assert faults(PEOPLE, tmp_path, sources=sources) == [
        "--source rstp://u:***@cam/1 is not a source: rstp:// is not a kind of address; did you"
        " mean rtsp://?",
        "--source file:no.mp4?live=1 is not a source: no such file",
    ]


def test_an_output_beside_cameras_has_a_process_of_its_own(tmp_path: Path) -> None:
    text = people(prepare="", detect="", track="", publish="kind: redis_stream, reads: camera")
    graph = load_text(text, tmp_path, sources=LIVE[:2], outputs=["o.jsonl"])
    assert graph.nodes["output-1"].process == "output-1"


def test_a_source_alone_in_its_process_is_cloned_alone(tmp_path: Path) -> None:
    text = people(
        camera="kind: source, uri: 'synthetic:street'", prepare="kind: transform, reads: camera"
    )
    graph = load_text(text, tmp_path, sources=SCENES[:2], overrides=["camera-2.every=3"])
    assert graph.nodes["prepare"].reads == ("camera", "camera-2")
    assert graph.nodes["camera-2"].options.model_dump()["every"] == 3


def test_a_wrong_source_is_named_as_it_was_typed(tmp_path: Path) -> None:
    (line,) = faults(PEOPLE, tmp_path, sources=["synthetic:street", "/no/x.mp4"])
    assert line.startswith("--source /no/x.mp4 is not a source: no such file or folder")


def test_source_needs_exactly_one_source_node(tmp_path: Path) -> None:
    two = people(more="kind: source, uri: 'synthetic:street'")
    assert faults(two, tmp_path, sources=SCENES[:1]) == [
        "--source needs a graph with one source node, this one has 2 (camera, more)"
    ]
    none = people(camera="")
    assert faults(none, tmp_path, sources=SCENES[:1])[0].endswith("this one has none")


def test_outputs_read_what_is_tracked(tmp_path: Path) -> None:
    graph = load_text(PEOPLE, tmp_path, outputs=["o.jsonl", "o.mp4", "o.TXT"])
    added = [graph.nodes[f"output-{number}"] for number in (1, 2, 3)]
    assert [(node.kind, node.reads) for node in added] == [
        ("jsonl", ("track",)),
        ("video", ("track",)),
        ("mot", ("track",)),
    ]
    assert [node.process for node in added] == ["back", "output-2", "back"]


def test_outputs_of_a_graph_without_sinks_read_its_last_finding(tmp_path: Path) -> None:
    graph = load_text(people(publish=""), tmp_path, outputs=["o.jsonl"])
    assert graph.nodes["output-1"].reads == ("track",)
    graph = load_text(people(publish="", track=""), tmp_path, outputs=["o.jsonl"])
    assert graph.nodes["output-1"].reads == ("detect",)


def test_options_of_an_added_output_can_be_set(tmp_path: Path) -> None:
    graph = load_text(PEOPLE, tmp_path, outputs=["o.mp4"], overrides=["output-1.batch=3"])
    assert graph.nodes["output-1"].batch == 3


def test_an_output_of_a_detector_with_replicas_has_its_own_process(tmp_path: Path) -> None:
    detect = "kind: detector, reads: prepare, model: hog_people, replicas: 2"
    graph = load_text(people(publish="", track="", detect=detect), tmp_path, outputs=["o.jsonl"])
    assert graph.nodes["output-1"].reads == ("detect",)
    assert graph.nodes["output-1"].process == "output-1"


def test_outputs_read_the_last_tracker_whatever_other_sinks_read(tmp_path: Path) -> None:
    text = people(raw="kind: jsonl, reads: detect, path: raw.jsonl")
    text = text.replace(
        "nodes:\n", "nodes:\n  first: {kind: redis_stream, reads: camera, stream: s}\n"
    )
    assert load_text(text, tmp_path, outputs=["o.jsonl"]).nodes["output-1"].reads == ("track",)


def test_outputs_of_a_graph_without_detectors_read_what_the_first_sink_reads(
    tmp_path: Path,
) -> None:
    text = people(prepare="", detect="", track="", publish="kind: redis_stream, reads: camera")
    assert load_text(text, tmp_path, outputs=["o.jsonl"]).nodes["output-1"].reads == ("camera",)


def test_reads_that_are_no_names_are_an_error_with_source_too(tmp_path: Path) -> None:
    (line,) = faults(people(detect="kind: hog_svm, reads: 4"), tmp_path, sources=SCENES[:2])
    assert line.startswith("g.yaml:6: detect.reads must be small letters and digits")


SUFFIXES = (
    ".mp4 (video with the boxes drawn), .events.jsonl (a line an event), .jsonl (a line a frame),"
    " .csv (a row an object), .parquet (a row an object), .coco.json (COCO's results, with masks"
    " and points), .mots.txt (MOTS, tracked masks), .txt (MOT), .records (a folder of events and"
    " tracks for `streamdet search`)"
)


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        ("o\udcff.txt", "must be UTF-8"),
        (
            "o.mkv",
            f"must end in one of {SUFFIXES}, got '.mkv'",
        ),
        (
            "o",
            f"must end in one of {SUFFIXES}, got 'no suffix'",
        ),
    ],
)
def test_an_output_of_unknown_suffix_is_refused(output: str, sentence: str, tmp_path: Path) -> None:
    shown = output.replace("\udcff", "\\xff")
    assert faults(PEOPLE, tmp_path, outputs=[output]) == [f"--output {shown}: {sentence}"]


def test_an_output_whose_name_is_taken_is_refused(tmp_path: Path) -> None:
    text = PEOPLE.replace("publish:", "output-1:")
    (line,) = faults(text, tmp_path, outputs=["o.jsonl"])
    assert line.endswith("its node would be 'output-1', which the graph already has")


def test_the_caller_reads_the_results_and_only_a_graph_of_its_own_can_hold_that_name(
    tmp_path: Path,
) -> None:
    path = tmp_path / "people.yaml"
    path.write_text(PEOPLE)
    assert load_graph(path, to_caller=True).nodes["caller"].reads == ("track",)
    assert "caller" not in load_graph(path).nodes
    path.write_text(PEOPLE.replace("publish:", "caller:"))
    with pytest.raises(ConfigError, match="'caller' is taken: rename that node"):
        load_graph(path, to_caller=True)
