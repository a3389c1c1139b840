"""No request brings a real run's server to a 500, or to an answer that it has not published."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cameras.rtsp_server import RtspServer
from tests.server.api_fuzz import fuzz, labels, operations, published_schema
from tests.server.served import LIMIT_S, SOURCE, Served, served
from tests.server.test_page import GRAPH as LIVE

GRAPH = """\
version: 1
nodes:
  camera: {kind: source, uri: 'SOURCE', process: front}
  prepare: {kind: transform, reads: camera, process: front}
  detect: {kind: detector, reads: prepare, model: people}
  track: {kind: byte_track, reads: detect, process: back}
  zones:
    kind: zones
    reads: track
    process: back
    zones: {all: {polygon: [[0, 0], [1, 0], [1, 1], [0, 1]]}}
  publish: {kind: redis_stream, reads: zones, process: back, stream: detections}
  shoot: {kind: snapshot, reads: zones, process: back, folder: 'FOLDER/shots'}
  keep: {kind: records, reads: zones, process: back, folder: 'FOLDER/kept'}
"""
LABELS = labels()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A run with events, records and snapshots."""
    folder = tmp_path_factory.mktemp("fuzz")
    graph = folder / "graph.yaml"
    graph.write_text(GRAPH.replace("FOLDER", str(folder)).replace("SOURCE", SOURCE))
    with served(folder, graph=str(graph)) as running:
        deadline_s = time.monotonic() + LIMIT_S
        while not running.read("/records?event=snapshot")["rows"]:
            assert time.monotonic() < deadline_s, running.log
            time.sleep(0.2)
        yield running
        assert running.process.poll() is None
        assert "Traceback" not in running.log


@pytest.fixture(scope="module")
def names(run: Served) -> dict[str, str]:
    row = run.read("/records?event=snapshot")["rows"][0]
    event_id = row["file"].rpartition("/")[2]
    return {"source_id": row["source_id"], "node": "zones", "name": "all", "event_id": event_id}


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """The operations, as schemathesis reads them."""
    return operations()


def test_the_schema_is_the_one_that_is_published(run: Served) -> None:
    assert run.read("/openapi.json") == published_schema()


@pytest.mark.parametrize("label", LABELS)
def test_every_answer_is_one_that_is_published(
    run: Served, names: dict[str, str], known: dict[str, Any], label: str
) -> None:
    assert max(fuzz(known[label], run.url, names, examples=4)) < 500


@pytest.mark.nightly
def test_cameras_and_zones_of_a_live_run_are_changed_as_is_published(
    cameras: RtspServer, known: dict[str, Any], tmp_path: Path
) -> None:
    graph = tmp_path / "yard.yaml"
    graph.write_text(LIVE)
    real: dict[str, Any] = {
        "node": "zones",
        "name": "corner",
        "source_id": "corner",
        "uri": cameras.url("/door"),
    }
    real |= {"points": [[0, 0], [0.5, 0], [0.5, 0.5]], "source": None, "options": {}}
    with served(tmp_path, "--source", cameras.url("/door"), graph=str(graph)) as run:
        codes = {
            label: {*fuzz(known[label], run.url, real, examples=20, seed_=2)}
            for label in LABELS
            if label.startswith(("PUT", "POST", "DELETE", "GET /api/v1/changes"))
        }
        assert "Traceback" not in run.log
    done = {label for label, found in codes.items() if found & {200, 201, 204}}
    assert {"PUT /api/v1/cameras/{name}", "PUT /api/v1/places/{node}/{name}"} <= done
    assert max(code for found in codes.values() for code in found) < 500


@pytest.mark.nightly
@pytest.mark.parametrize("label", LABELS)
def test_every_answer_of_very_many_is_one_that_is_published(
    run: Served, names: dict[str, str], known: dict[str, Any], label: str
) -> None:
    assert max(fuzz(known[label], run.url, names, examples=500, seed_=1)) < 500
