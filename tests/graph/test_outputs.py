"""A run never writes to a file that it reads, nor twice to one, nor where it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streamdet.errors import ConfigError
from streamdet.graph.outputs import check_report, read_twice
from streamdet.system.redaction import short
from tests.graph.graphs import PEOPLE, faults, load_text, people


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "in.mp4"
    path.write_bytes(b"precious")
    return path


def test_an_output_that_is_a_source_is_refused(tmp_path: Path, video: Path) -> None:
    (line,) = faults(PEOPLE, tmp_path, sources=[str(video)], outputs=[str(video)])
    assert line.startswith("--output in.mp4 must differ from what camera reads, got")


@pytest.mark.parametrize("suffix", [".mp4", ".txt"])
def test_an_output_that_is_one_of_several_sources_is_refused_although_it_names_files_beside_it(
    tmp_path: Path, suffix: str
) -> None:
    sources = [str(tmp_path / f"{name}{suffix}") for name in ("v", "w")]
    for source in sources:
        Path(source).write_bytes(b"precious")
    (line,) = faults(PEOPLE, tmp_path, sources=sources, outputs=sources[1:])
    assert line.startswith(f"--output w{suffix} must differ from what camera-2 reads, got")


def test_a_source_that_is_given_twice_is_told(tmp_path: Path, video: Path) -> None:
    (tmp_path / "link.mp4").symlink_to(video)
    once = load_text(PEOPLE, tmp_path, sources=[str(video), "synthetic:street"])
    assert read_twice(once) == ""
    twice = load_text(PEOPLE, tmp_path, sources=[str(video), str(tmp_path / "link.mp4")])
    link = short(str(tmp_path / "link.mp4"))
    assert read_twice(twice) == f"{link} is read twice, as in and link"
    scenes = load_text(PEOPLE, tmp_path, sources=["synthetic:street"] * 3)
    assert read_twice(scenes) == (
        "synthetic:street is read twice, as street and street-2 (1 more too)"
    )


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_a_link_to_a_source_is_the_source(tmp_path: Path, video: Path, link: object) -> None:
    assert callable(link)
    link(video, tmp_path / "link.mp4")
    (line,) = faults(PEOPLE, tmp_path, sources=[str(video)], outputs=[str(tmp_path / "link.mp4")])
    assert "must differ from what camera reads" in line


def test_the_file_of_one_source_may_not_be_another_source(tmp_path: Path, video: Path) -> None:
    other = tmp_path / "other.mp4"
    other.touch()
    clash = tmp_path / "o-in.mp4"
    clash.touch()
    sources = [str(video), str(other), str(clash)]
    (line,) = faults(PEOPLE, tmp_path, sources=sources, outputs=[str(tmp_path / "o.mp4")])
    assert "must differ from what camera-3 reads" in line


def test_an_image_of_a_folder_is_a_source(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.png").touch()
    text = people(save=f"kind: jsonl, reads: track, path: {tmp_path}/in/1.png")
    (line,) = faults(text, tmp_path, sources=[str(tmp_path / "in")])
    assert "save.path must differ from what camera reads" in line


def test_the_graph_s_own_file_is_not_overwritten(tmp_path: Path) -> None:
    text = people(save=f"kind: jsonl, reads: track, path: {tmp_path}/g.yaml")
    assert "save.path must differ from the graph's own file" in faults(text, tmp_path)[0]


def test_two_sinks_may_not_write_the_same_file(tmp_path: Path) -> None:
    text = people(
        one="kind: jsonl, reads: track, path: out.jsonl",
        two="kind: jsonl, reads: track, path: ./out.jsonl",
    )
    assert faults(text, tmp_path) == [
        "g.yaml:10: two.path must differ from one.path, got 'out.jsonl'"
    ]


def test_two_sinks_may_not_write_the_same_stream(tmp_path: Path) -> None:
    text = people(second="kind: redis_stream, reads: detect")
    (line,) = faults(text, tmp_path)
    assert line.endswith("second.stream must differ from publish.stream, got 'detections'") or (
        line.endswith("publish.stream must differ from second.stream, got 'detections'")
    )


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("g.yaml/none/o.jsonl", "it cannot be written (not a directory)"),
        ("g.yaml/o.jsonl", "it cannot be written (not a directory)"),
        ("folder.jsonl", "it is a folder, wanted a file"),
        (f"{'x' * 300}.jsonl", "it cannot be written (file name too long)"),
        ("pipe.jsonl", "it is not a plain file"),
    ],
)
def test_what_cannot_be_written_is_refused(path: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    os.mkfifo(tmp_path / "pipe.jsonl")
    (line,) = faults(PEOPLE, tmp_path, outputs=[str(tmp_path / path)])
    assert line.startswith("--output ")
    assert f" cannot be written: {sentence}" in line


def test_what_may_not_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the tests may run as root
    (line,) = faults(PEOPLE, tmp_path, outputs=[str(tmp_path / "none" / "o.jsonl")])
    assert line.endswith("it cannot be written (permission denied)")


def test_a_path_begins_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    node = load_text(PEOPLE, tmp_path, outputs=["~/o.jsonl"]).nodes["output-1"]
    assert node.options.model_dump()["path"] == tmp_path / "o.jsonl"
    (line,) = faults(PEOPLE, tmp_path, outputs=["~nobody-here/o.jsonl"])
    assert "there is no such home folder" in line


@pytest.mark.parametrize(
    ("report", "sentence"),
    [
        ("in.mp4", "must differ from what camera reads"),
        ("g.yaml", "must differ from the graph's own file"),
        ("o.jsonl", "must differ from output-1.path"),
        (".", "it is a folder, wanted a file"),
        ("in.mp4/r.json", "not a directory"),
    ],
)
def test_a_report_overwrites_nothing_of_the_run(
    report: str, sentence: str, tmp_path: Path, video: Path
) -> None:
    graph = load_text(PEOPLE, tmp_path, sources=[str(video)], outputs=[str(tmp_path / "o.jsonl")])
    with pytest.raises(ConfigError, match=sentence):
        check_report(graph, str(tmp_path / report))
    assert check_report(graph, str(tmp_path / "r.json")) == tmp_path / "r.json"


def test_an_empty_name_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="that is not a file path"):
        check_report(load_text(PEOPLE, tmp_path), "")


def test_a_file_that_is_played_live_is_a_source(tmp_path: Path, video: Path) -> None:
    (line,) = faults(PEOPLE, tmp_path, sources=[f"file:{video}?live=1"], outputs=[str(video)])
    assert "must differ from what camera reads" in line


def test_a_camera_is_no_file(tmp_path: Path) -> None:
    text = people(save=f"kind: jsonl, reads: track, path: {tmp_path}/out.jsonl")
    assert load_text(text, tmp_path, sources=["rtsp://camera/door"]).nodes["camera"].kind == "live"
