"""`cameras` of a source: many live sources in one node."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.graph import load_graph
from streamdet.graph.mermaid import to_mermaid
from streamdet.run.running import Running
from tests.graph.graphs import faults, load_text, people

TWO = "cameras: {door: {uri: 'rtsp://cam/1', fps: 5, max_in_flight: 1}, Yard-2.b: 'rtsp://cam/2'}"


def with_cameras(line: str) -> str:
    return people(camera=f"kind: source, process: front, {line}")


def test_each_camera_is_an_item_and_a_process_of_one_node(tmp_path: Path) -> None:
    graph = load_text(with_cameras(f"{TWO}, every: 3, read_timeout_s: 2"), tmp_path)
    camera = graph.nodes["camera"]
    assert [(item.source_id, item.uri) for item in camera.items] == [
        ("door", "rtsp://cam/1"),
        ("Yard-2.b", "rtsp://cam/2"),
    ]
    assert (camera.kind, camera.parallel, graph.group_of("camera").replicas) == ("live", 2, 2)
    assert "live, 2 cameras" in to_mermaid(graph)


def test_a_camera_s_options_stand_before_those_of_its_node(tmp_path: Path) -> None:
    camera = load_text(with_cameras(f"{TWO}, every: 3, read_timeout_s: 2"), tmp_path).nodes[
        "camera"
    ]
    door, yard = (item.options.model_dump() for item in camera.items if item.options)
    assert (door["fps"], door["every"], door["max_in_flight"]) == (5, 1, 1)
    assert (yard["fps"], yard["every"], yard["max_in_flight"]) == (None, 3, 3)
    assert door["read_timeout_s"] == yard["read_timeout_s"] == 2


def test_a_node_has_256_cameras_at_most(tmp_path: Path) -> None:
    many = ", ".join(f"c{number}: 'rtsp://cam/{number}'" for number in range(257))
    (fault,) = faults(with_cameras(f"cameras: {{{many}}}"), tmp_path)
    assert "must be at most 256 cameras, got 257: each is a process; state the others" in fault
    node = load_text(with_cameras(TWO), tmp_path).nodes["camera"]
    Running.check_room(node, 256)
    with pytest.raises(ConfigError, match="camera: must be at most 256 cameras, got 257"):
        Running.check_room(node, 257)


def test_a_file_of_cameras_lies_beside_the_graph(tmp_path: Path) -> None:
    (tmp_path / "cams").mkdir()
    (tmp_path / "cams/all.yaml").write_text("door: rtsp://cam/1\nyard: {uri: 0, transport: udp}\n")
    graph = load_text(with_cameras("cameras: cams/all.yaml"), tmp_path)
    assert [(item.source_id, item.uri) for item in graph.nodes["camera"].items] == [
        ("door", "rtsp://cam/1"),
        ("yard", "/dev/video0"),
    ]
    assert graph.camera_files == (tmp_path / "cams/all.yaml",)


def test_set_reaches_into_a_file_of_cameras_and_names_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "all.yaml").write_text("door: rtsp://cam/1\n")
    (tmp_path / "typed").mkdir()
    (tmp_path / "typed/other.yaml").write_text("gate: rtsp://cam/9\n")
    monkeypatch.chdir(tmp_path / "typed")
    text = with_cameras("cameras: all.yaml")
    one = load_text(text, tmp_path, overrides=["camera.cameras.door.fps=7"]).nodes["camera"]
    assert one.items[0].options is not None
    assert one.items[0].options.model_dump()["fps"] == 7
    for graph in (text, people()):
        sets = ["camera.uri=", "camera.cameras=other.yaml"]
        other = load_text(graph, tmp_path, overrides=sets).nodes["camera"]
        assert [item.source_id for item in other.items] == ["gate"]


def test_an_output_does_not_overwrite_the_file_of_cameras(tmp_path: Path) -> None:
    (tmp_path / "cams.txt").write_text("door: rtsp://cam/1\n")
    [line] = faults(
        with_cameras("cameras: cams.txt"), tmp_path, outputs=[str(tmp_path / "cams.txt")]
    )
    assert "must differ from the graph's file of cameras" in line


def test_a_source_of_the_same_name_gives_way_to_a_camera(tmp_path: Path) -> None:
    text = people(
        camera="kind: source, process: front, uri: 'synthetic:street'",
        cams="kind: source, cameras: {street: 'rtsp://cam/1'}",
        prepare="kind: transform, reads: [camera, cams]",
    )
    nodes = load_text(text, tmp_path).nodes
    assert nodes["camera"].items[0].source_id == "street-2"
    assert nodes["cams"].items[0].source_id == "street"


def test_passwords_come_from_the_environment_and_are_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "g.yaml"
    path.write_text(with_cameras("cameras: cams.yaml"))
    environ = {"DOOR_PASSWORD": "canary-1", "YARD": "rtsp://u:canary-2@cam/2"}
    (tmp_path / "cams.yaml").write_text(
        "door: 'rtsp://u:${DOOR_PASSWORD}@cam/1'\nyard: '${YARD}'\n"
    )
    camera = load_graph(path, environ=environ).nodes["camera"]
    assert camera.items[0].uri == "rtsp://u:canary-1@cam/1"
    assert camera.items[1].uri == environ["YARD"]
    assert "canary" not in repr(camera)
    (tmp_path / "cams.yaml").write_text(
        "door: 'rstp://u:${DOOR_PASSWORD}@cam/1'\nyard: ['${YARD}']\nb: 'x${DOOR_PASSWORD}'\n"
        "'rtsp://u:canary-3@cam': rtsp://c\nlist: [rtsp://u:canary-4@cam]\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_graph(path, environ=environ)
    assert len(str(caught.value).splitlines()) == 5
    assert "canary" not in str(caught.value)


WANTED = "must be camera names with their addresses, or the path of a YAML file of them"
BAD_NAME = "must be named by at most 64 letters, digits, '.', '_' and '-', no '.' first, got "


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("cameras: null", f"camera.cameras {WANTED}, got null"),
        ("cameras: {}", f"camera.cameras {WANTED}, got {{}}"),
        ("cameras: 5", f"camera.cameras {WANTED}, got 5"),
        ("cameras: ['rtsp://u:pw@c']", f"camera.cameras {WANTED}, got ['rtsp://u:***@c']"),
        ("cameras: no.yaml", f"camera.cameras {WANTED}: no.yaml does not exist"),
        (
            "cameras: 'rtsp://u:pw@c'",
            f"camera.cameras {WANTED}, got an address: `uri` takes that of one",
        ),
        (
            "cameras: {a: 'rtsp://c'}, uri: 'rtsp://c'",
            "camera.uri must not stand beside `cameras`: state one of them",
        ),
        ("cameras: {'a/b': 'rtsp://c'}", f"camera.cameras.a/b {BAD_NAME}'a/b'"),
        ("cameras: {..: 'rtsp://c'}", f"camera.cameras... {BAD_NAME}'..'"),
        ('cameras: {"a\\n": "rtsp://c"}', rf"camera.cameras.a\n {BAD_NAME}'a\\n'"),
        ("cameras: {tür: 'rtsp://c'}", f"camera.cameras.tür {BAD_NAME}'tür'"),
        ("cameras: {a: 'rtsp://c', a: 'rtsp://d'}", "key 'a' stands twice, first in line 4"),
        (
            "cameras: {a: }",
            "camera.cameras.a must be an address, or keys such as `uri`, got null",
        ),
        (
            "cameras: {a: [x]}",
            "camera.cameras.a must be an address, or keys such as `uri`, got [x]",
        ),
        (
            "cameras: {a: {fps: 5}}",
            "camera.cameras.a.uri is missing: a camera must say where it is",
        ),
        (
            "cameras: {a: {uri: [x]}}",
            "camera.cameras.a.uri must be text: a camera must say where it is",
        ),
        (
            "cameras: {a: {ur: 'rtsp://c'}}",
            "camera.cameras.a.ur is an unknown key; did you mean 'uri'?",
        ),
        (
            "cameras: {a: {uri: 'rtsp://c', fsp: 5}}",
            "camera.cameras.a.fsp is an unknown key; did you mean 'fps'?",
        ),
        (
            "cameras: {a: {uri: 'rtsp://c', fps: 5, every: 2}}",
            "camera.cameras.a wanted every or fps, got both: every 2, fps 5.0",
        ),
        (
            "cameras: {a: {uri: 'rtsp://c', transport: tpc}}",
            "camera.cameras.a.transport must be 'tcp' or 'udp' (perhaps 'tcp'), got 'tpc'",
        ),
        (
            "cameras: {a: 'rstp://c'}",
            "camera.cameras.a.uri is not a source: rstp:// is not a kind of address; did you mean",
        ),
        (
            "cameras: {a: my.mp4}",
            "camera.cameras.a.uri is not a source: my.mp4: wanted the address of a camera, such as"
            " rtsp://HOST/PATH; a file is played like one by file:PATH?live=1",
        ),
        (
            "cameras: {a: 'file:no.mp4?live=1'}",
            "camera.cameras.a.uri is not a source: file:no.mp4?live=1: no such file",
        ),
        (
            "cameras: {a: 'rtsp://c'}, parallel: 2",
            "camera.parallel is an unknown key; there is batch, cameras, copy,",
        ),
        (
            "camera: {a: 'rtsp://c'}",
            "camera.uri is missing: a source must say what it reads, by `uri` or `cameras`",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(line: str, sentence: str, tmp_path: Path) -> None:
    [said] = faults(with_cameras(line), tmp_path)
    assert said.startswith(f"g.yaml:4: {sentence}")
    assert "pw" not in said


def test_a_folder_is_no_file_of_cameras(tmp_path: Path) -> None:
    (tmp_path / "cams").mkdir()
    [said] = faults(with_cameras("cameras: cams"), tmp_path)
    assert said == f"g.yaml:4: camera.cameras {WANTED}: cams is no file"


def test_a_long_name_is_refused_and_one_of_64_is_not(tmp_path: Path) -> None:
    name = "n" * 64
    assert load_text(with_cameras(f"cameras: {{{name}: 'rtsp://c'}}"), tmp_path).nodes
    [said] = faults(with_cameras(f"cameras: {{{name}n: 'rtsp://c'}}"), tmp_path)
    assert BAD_NAME in said


def test_a_kind_of_files_reads_no_cameras(tmp_path: Path) -> None:
    [said] = faults(people(camera="kind: file, process: front, cameras: {a: 'rtsp://c'}"), tmp_path)
    assert said == "g.yaml:4: camera.kind must be live (or source) for cameras, got file"


def test_two_nodes_cannot_have_a_camera_of_the_same_name(tmp_path: Path) -> None:
    text = people(
        camera="kind: source, process: front, cameras: {door: 'rtsp://a'}",
        more="kind: source, cameras: {door: 'rtsp://b', yard: 'rtsp://c'}",
        prepare="kind: transform, reads: [camera, more]",
    )
    assert faults(text, tmp_path) == [
        "g.yaml:9: more.cameras.door must have a name of its own: camera has a camera 'door'"
    ]


def test_faults_in_a_file_of_cameras_name_its_lines_all_at_once(tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text("a: rstp://c\nb:\n  uri: rtsp://c\n  fps: 0\nc: rtsp://c\n")
    first, second = faults(with_cameras("cameras: all.yaml"), tmp_path)
    assert first.startswith("all.yaml:1: camera.cameras.a.uri is not a source: rstp:// is not")
    assert second == "all.yaml:4: camera.cameras.b.fps must be at least 1e-05, got 0"


@pytest.mark.parametrize("content", ["", "- rtsp://c\n", "rtsp://c\n", "{}\n"])
def test_a_file_without_cameras_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "all.yaml").write_text(content)
    [said] = faults(with_cameras("cameras: all.yaml"), tmp_path)
    assert said.startswith("all.yaml")
    assert f"camera.cameras {WANTED}, got " in said


def test_a_sink_in_the_process_of_several_cameras_is_refused(tmp_path: Path) -> None:
    line = "kind: redis_stream, reads: camera, process: front"
    text = people(
        camera=f"kind: source, process: front, {TWO}", prepare="", detect="", track="", publish=line
    )
    [said] = faults(text, tmp_path)
    assert said == (
        "g.yaml:4: camera.process must be that of one camera, got 2, each a process: 'publish' in"
        " its process is a sink, which one process writes; give 'publish' another `process`"
    )


def test_the_shipped_graph_takes_its_addresses_from_the_environment() -> None:
    environ = {"CAMERA_1": "rtsp://u:pw@cam/1"}
    first, second = load_graph("cameras", environ=environ).nodes["camera"].items
    assert (first.source_id, first.uri) == ("first", "rtsp://u:pw@cam/1")
    assert (second.source_id, second.uri) == ("second", "rtsp://127.0.0.1:8554/second")


def test_json_is_a_file_of_cameras_too(tmp_path: Path) -> None:
    (tmp_path / "all.json").write_text(json.dumps({"door": {"uri": "rtsp://cam/1"}}))
    camera = load_text(with_cameras("cameras: all.json"), tmp_path).nodes["camera"]
    assert [item.source_id for item in camera.items] == ["door"]
