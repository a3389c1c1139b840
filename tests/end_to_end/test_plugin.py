"""A package with kinds of its own, installed by pip, works wherever a kind is named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLE = Path(__file__).parents[1] / "plugin_example"
GRAPH = """
version: 1
name: posts
nodes:
  camera: {{kind: source, uri: "synthetic:street?frames=12", process: front}}
  prepare: {{kind: transform, reads: camera, process: front}}
  detect: {{kind: detector, reads: prepare, model: people}}
  post: {{kind: http_post, reads: detect, url: "http://127.0.0.1:{port}/frames"}}
"""

COUNTED = """
version: 1
name: counted
nodes:
  camera: {{kind: source, uri: "synthetic:street?frames=40", process: front}}
  prepare: {{kind: transform, reads: camera, process: front}}
  detect: {{kind: detector, reads: prepare, model: street}}
  track: {{kind: byte_track, reads: detect, process: back}}
  few: {{kind: first_tracks, reads: track, most: 1, without: [{without}], process: back}}
  before: {{kind: jsonl, reads: track, path: before.jsonl, process: back}}
  after: {{kind: jsonl, reads: few, path: after.jsonl, process: back}}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example installed."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    copy = tmp_path_factory.mktemp("source")
    for path in EXAMPLE.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    subprocess.run([*pip, "--target", str(folder), str(copy)], check=True, timeout=120)
    return folder


@pytest.fixture
def posted() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """A server, its port, and what it was sent."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1], bodies
    server.shutdown()
    server.server_close()


def started(site: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(site), str(EXAMPLE.parents[1])])
    return subprocess.run(
        [sys.executable, "-m", "streamdet.cli", *arguments],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def streamdet(site: Path, *arguments: str, **environment: str) -> str:
    done = started(site, *arguments, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_it_is_listed_with_its_options(site: Path) -> None:
    assert "http_post" in streamdet(site, "kinds", "sink")
    assert "timeout_s" in streamdet(site, "kinds", "http_post")
    schema = json.loads(streamdet(site, "schema"))
    assert "timeout_s" in schema["definitions"]["http_post"]["properties"]


def test_a_graph_with_it_is_checked_and_run(
    site: Path, posted: tuple[int, list[dict[str, Any]]], tmp_path: Path
) -> None:
    port, bodies = posted
    graph = tmp_path / "posts.yaml"
    graph.write_text(GRAPH.format(port=port))
    assert "http_post" in streamdet(site, "check", str(graph))
    streamdet(site, "run", str(graph))
    assert sorted(body["frame_id"] for body in bodies) == [*range(12)]


@pytest.mark.nightly
def test_its_runtime_is_measured_beside_the_others_and_runs(site: Path, tmp_path: Path) -> None:
    shipped = EXAMPLE.parents[1] / "configs/models/people.yaml"
    stated = yaml.safe_load(shipped.read_text()) | {
        "runtimes": {"onnxruntime": {}, "onnx_reference": {}}
    }
    model = tmp_path / "own.yaml"
    model.write_text(yaml.safe_dump(stated))
    folders = {"XDG_CACHE_HOME": str(tmp_path), "STREAMDET_MODELS": str(shipped.parent)}
    measured = streamdet(site, "models", "measure", str(model), "--processes", "1", **folders)
    ours, theirs = (line.split() for line in measured.splitlines()[1:])
    assert (ours[:2], ours[-1], theirs[:2]) == (
        ["onnxruntime", "fp32"],
        "chosen",
        ["onnx_reference", "fp32"],
    )
    assert theirs[2].endswith("/s")
    report = tmp_path / "report.json"
    streamdet(
        site, "run", "people", "--source", "synthetic:street?frames=1", "--report", str(report),
        "--set", "detect.runtime=onnx_reference", "--set", "detect.replicas=1", **folders,
    )  # fmt: skip
    assert json.loads(report.read_text())["runtimes"]["detect"].startswith("onnx_reference ")


def frames(path: Path) -> list[list[tuple[str, int | None]]]:
    """The labels and track ids of the objects, frame by frame."""
    published = map(json.loads, path.read_text().splitlines())
    return [[(one["label"], one["id"]) for one in frame["objects"]] for frame in published]


@pytest.mark.nightly
def test_its_analytics_stand_between_tracker_and_sink(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    graph = tmp_path / "counted.yaml"
    graph.write_text(COUNTED.format(without="car"))
    assert "first_tracks" in streamdet(site, "kinds")
    assert "few      first_tracks   reads track" in streamdet(site, "check", str(graph))
    assert "first_tracks" in json.loads(streamdet(site, "schema"))["definitions"]
    streamdet(site, "run", str(graph), "--output", "final.jsonl")
    before, after = (frames(tmp_path / f"{name}.jsonl") for name in ("before", "after"))
    first: dict[str, int] = {}
    for label, track_id in (one for frame in before for one in frame if one[1] is not None):
        first.setdefault(label, track_id or 0)
    assert len(first) > 1
    assert "car" in first
    assert after == [
        [(label, id_) for label, id_ in frame if label != "car" and id_ in (None, first[label])]
        for frame in before
    ]
    assert after != before
    assert frames(tmp_path / "final.jsonl") == after


def test_what_does_not_fit_the_model_ends_the_run_with_its_sentence(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    graph = tmp_path / "counted.yaml"
    graph.write_text(COUNTED.format(without="cra"))
    done = started(site, "run", str(graph))
    assert done.returncode == 1
    assert "first_tracks: model 'street' has no ['cra']" in done.stdout + done.stderr
