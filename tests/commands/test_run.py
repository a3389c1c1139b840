"""`streamdet run` and `tail` on a small scene, in this process."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streamdet.cli import main
from streamdet.transport.run_folder import ADDRESS_FILE, RunFolder
from tests.building.constant_network import write_constant_network
from tests.faults.storm import assert_each_once_in_order, lines_of
from tests.models.built_file import write_built_file
from tests.redis_server import RedisServer

SCENE = "synthetic:street?frames=20&hw=120x160&seed={}"
SMALL = ("--set", "detect.model=hog_people", "--set", "prepare.shortest_edge=120")


def run(*arguments: str | Path) -> int:
    return main(["run", "people", *SMALL, *map(str, arguments)])


def test_two_scenes_into_one_detector_come_out_whole(
    tmp_path: Path, redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    sources = ["--source", SCENE.format(1), "--source", SCENE.format(2)]
    outputs = [f"--output={tmp_path / name}" for name in ("o.jsonl", "o.mp4", "o.txt")]
    report = tmp_path / "report.json"
    code = run(*sources, *outputs, "--report", report, "--redis", redis_server.url, "--live")
    printed = capsys.readouterr().out
    assert code == 0, printed
    assert_each_once_in_order(lines_of(tmp_path / "o.jsonl"), {"street": 20, "street-2": 20})
    (head,) = [line for line in printed.splitlines() if line.startswith("people: ")]
    assert " in 40 frames, " in head
    assert_adds_up(json.loads(report.read_text()), published=40)
    names = {path.name for path in tmp_path.iterdir()}
    assert {"o-street.mp4", "o-street-2.mp4", "o-street.txt", "o-street-2.txt"} <= names


def assert_adds_up(report: dict[str, Any], published: int) -> None:
    for source in report["sources"]:
        dropped = sum(source["dropped"].values())
        assert source["decoded"] == source["sampled_away"] + source["emitted"]
        assert source["emitted"] == source["published"] + dropped + source["unfinished"]
    assert sum(source["published"] for source in report["sources"]) == published


def test_what_an_earlier_run_wrote_stays_if_no_frame_comes(
    tmp_path: Path, redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty.mp4").touch()
    outputs = [tmp_path / f"o{suffix}" for suffix in (".csv", ".jsonl", ".mp4", ".parquet", ".txt")]
    for output in outputs:
        output.write_bytes(b"earlier")
    stated = [f"--output={output}" for output in outputs]
    assert run("--source", tmp_path / "empty.mp4", *stated, "--redis", redis_server.url) == 1
    lines = capsys.readouterr().out.splitlines()
    kept = [f"  left as it was: {output}: no frame came" for output in outputs]
    assert lines[-len(outputs) :] == kept
    assert {output.read_bytes() for output in outputs} == {b"earlier"}
    assert len(list(tmp_path.iterdir())) == 1 + len(outputs)


def test_a_model_that_fails_on_the_first_frame_leaves_no_empty_outputs(
    tmp_path: Path, redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    write_constant_network(tmp_path / "m.onnx", np.zeros((1, 6, 84), np.float32))
    assert main(["models", "add", str(tmp_path / "m.onnx"), "--classes", "person,dog"]) == 0
    model = tmp_path / "m.yaml"
    shares = np.full((1, 6, 84), 0.5, np.float32)  # boxes as shares of the image, not pixels
    write_constant_network(tmp_path / "m.onnx", shares)
    (tmp_path / "out").mkdir()
    suffixes = (".csv", ".jsonl", ".mp4", ".parquet", ".txt")
    stated = [f"--output={tmp_path}/out/o{suffix}" for suffix in suffixes]
    where = ["--source", SCENE.format(1), "--redis", redis_server.url]
    assert main(["run", "people", *where, "--set", f"detect.model={model}", *stated]) == 1
    assert "written" not in capsys.readouterr().out
    assert list((tmp_path / "out").iterdir()) == []


def test_a_report_that_cannot_be_written_fails_the_run(
    redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--redis", redis_server.url, "--report", "/dev/full"]
    assert run("--source", "synthetic:street?frames=2&hw=120x160", *where) == 1
    printed = capsys.readouterr()
    assert "people: done, 0 objects, 0 tracks in 2 frames" in printed.out
    assert printed.err.endswith(
        "error: --report /dev/full cannot be written: No space left on device\n"
    )


@pytest.mark.parametrize("count", ["0", "-1", "x"])
def test_a_count_of_nothing_is_wrong_usage(count: str) -> None:
    assert main(["tail", f"--count={count}"]) == 2


def test_what_was_published_can_be_followed(
    redis_server: RedisServer, capsys: pytest.CaptureFixture[str]
) -> None:
    stream = ["--set", "publish.stream=followed"]
    assert run("--source", SCENE.format(3), "--redis", redis_server.url, *stream) == 0
    capsys.readouterr()
    tail = ["tail", "followed", "--redis", redis_server.url, "--all"]
    assert main([*tail, "--count", "20", "--json"]) == 0
    frames = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [frame["frame_id"] for frame in frames] == list(range(20))
    assert main([*tail, "--timeout", "0.5"]) == 0
    assert "frame     19" in capsys.readouterr().out
    assert main(["tail", "silent", "--redis", redis_server.url, "--timeout", "0.5"]) == 0
    missing, silence = capsys.readouterr().err.splitlines()
    assert missing.startswith("there is no stream 'silent' yet; there is ")
    assert "followed" in missing
    assert silence == "nothing came from stream 'silent' in 0.5 s"


def test_tail_says_which_of_several_runs_it_follows(
    redis_server: RedisServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    short_folder: Path,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_folder))
    monkeypatch.delenv("STREAMDET_REDIS", raising=False)
    runs = [RunFolder.create(), RunFolder.create()]
    for folder in runs:
        (folder.path / ADDRESS_FILE).write_text(redis_server.url)
    assert main(["tail", "silent", "--timeout", "0.5"]) == 0
    head = capsys.readouterr().err.splitlines()[0]
    assert head.startswith("following run ")
    assert head.endswith(f"the newest; others under way: --redis {redis_server.url}")
    for folder in runs:
        folder.remove()


def test_tail_without_a_run_says_what_to_do(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, short_folder: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(short_folder))
    monkeypatch.delenv("STREAMDET_REDIS", raising=False)
    assert main(["tail"]) == 2
    assert "name a server with --redis URL" in capsys.readouterr().err


def test_a_folder_with_a_bad_file_does_the_others_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bad.mp4").write_bytes(b"no video")
    (tmp_path / "in" / "worse.mkv").write_bytes(b"")
    graph = tmp_path / "write.yaml"
    graph.write_text(
        f"version: 1\nname: write\nnodes:\n  camera: {{kind: source, uri: '{tmp_path}/in'}}\n"
        f"  write: {{kind: jsonl, reads: camera, path: '{tmp_path}/o.jsonl'}}\n"
    )
    code = main(["run", str(graph)])
    errors = capsys.readouterr().err.splitlines()
    assert code == 1
    assert len([line for line in errors if line.startswith("error:")]) == 2
    assert "bad.mp4" in errors[0]


def test_live_without_a_redis_sink_is_refused_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = tmp_path / "write.yaml"
    graph.write_text(
        "version: 1\nname: write\nnodes:\n  camera: {kind: source, uri: 'synthetic:street'}\n"
        f"  write: {{kind: jsonl, reads: camera, path: '{tmp_path}/o.jsonl'}}\n"
    )
    assert main(["run", str(graph), "--live"]) == 2
    assert capsys.readouterr().err == (
        "error: --live: wanted a graph with a redis_stream sink, write has none\n"
    )
    assert not (tmp_path / "o.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--report", "/dev/null/r.json"], "not a directory"),
        (["--report", "."], "it is a folder, wanted a file"),
        (["--redis", "http://x"], "must be embedded, redis://"),
        (["--deploy", "nowhere"], "'nowhere' is none of configs/deploy"),
        (["--set", "detect.model=yolox_nano"], "yolox_nano.onnx"),
    ],
)
def test_what_is_wrong_is_said_before_anything_starts(
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    assert main(["run", "people", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert len(error.splitlines()) == 1


def test_a_stated_runtime_that_is_not_installed_is_said_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    write_built_file(tmp_path, "yolox_nano_untrained")
    monkeypatch.setenv("STREAMDET_MODELS", str(tmp_path))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    settings = ["--set", "detect.model=yolox_nano_untrained", "--set", "detect.runtime=onnxruntime"]
    assert main(["run", "people", *settings]) == 1
    assert "detect.runtime is onnxruntime, which is not installed: pip install" in (
        capsys.readouterr().err
    )


def test_an_output_below_a_file_is_refused_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "none").touch()
    code = run("--source", SCENE.format(1), "--output", tmp_path / "none" / "o.jsonl")
    (error,) = capsys.readouterr().err.splitlines()
    assert code == 2
    assert "it cannot be written (not a directory)" in error
