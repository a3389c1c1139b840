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


def streamdet(site: Path, *arguments: str, **environment: str) -> str:
    paths = os.pathsep.join([str(site), str(EXAMPLE.parents[1])])
    done = subprocess.run(
        [sys.executable, "-m", "streamdet.cli", *arguments],
        env=os.environ | {"PYTHONPATH": paths} | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
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
