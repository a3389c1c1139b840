"""A served run, by HTTP, from its start to Ctrl-C."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from streamdet.cli import main
from tests.server.served import SOURCE, Served, served

SOURCE_ID = "camera"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("serve"), "--source", SOURCE) as running:
        running.wait_for_frames(5)
        yield running
        assert running.stop() == 130
        assert "frames" in running.log


def source_id(run: Served) -> str:
    return str(run.read("/run")["sources"][0]["source_id"])


def snapshot(run: Served, path: str) -> tuple[bytes, int]:
    """The image and its frame's id; a busy machine may need more than one request for it."""
    for _ in range(10):
        jpeg, headers = run.get(path)
        if jpeg:
            return jpeg, int(headers["x-frame-id"])
    raise AssertionError(run.log)


def test_the_run_is_told(run: Served) -> None:
    told = run.wait_for_frames(5)
    assert told["graph"] == "people"
    assert told["report"] is None
    assert [stage["node"] for stage in told["stages"]][:2] == ["camera", "prepare"]
    assert run.read("/cameras")[0]["source_id"] == source_id(run)
    assert [node["name"] for node in run.read("/graph")["nodes"]] == [
        stage["node"] for stage in told["stages"]
    ]
    assert run.get("/readyz")[0] == b'{"status":"ready"}'


def test_pages_of_detections_join_without_gap(run: Served) -> None:
    run.wait_for_frames(20)
    first = run.read("/detections?limit=4")
    second = run.read(f"/detections?limit=4&before={first['before']}")
    frames = [entry["frame_id"] for entry in first["entries"] + second["entries"]]
    assert frames == list(range(frames[0], frames[0] - 8, -1))
    assert first["entries"][0]["schema"] == "streamdet/1"


def test_the_oldest_page_says_that_it_is_the_last(run: Served) -> None:
    page = run.read("/detections?limit=3&before=1")
    assert page == {"entries": [], "before": None}


def test_snapshots_are_newer_and_newer_images(run: Served) -> None:
    path = f"/api/v1/cameras/{source_id(run)}/snapshot.jpg"
    first, frame_id = snapshot(run, path)
    second, next_id = snapshot(run, f"{path}?after={frame_id}")
    assert next_id > frame_id
    images = [cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1) for jpeg in (first, second)]
    assert [None if image is None else image.shape for image in images] == [(240, 320, 3)] * 2
    assert first != second


def test_the_preview_is_a_stream_of_jpegs(run: Served) -> None:
    url = f"{run.url}/api/v1/cameras/{source_id(run)}/preview.mjpeg"
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert "multipart/x-mixed-replace" in answer.headers["content-type"]
        data = b""
        while data.count(b"\xff\xd8\xff") < 3:
            part = answer.read1(65536)
            assert part
            data += part
    assert data.count(b"--frame\r\nContent-Type: image/jpeg") >= 3


def test_metrics_are_what_the_run_says(run: Served) -> None:
    text = run.get("/metrics")[0].decode()
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    name = f'{{source="{source_id(run)}"}}'
    assert float(lines[f"streamdet_frames_published_total{name}"]) >= 5
    assert float(lines["streamdet_restarts_total"]) == 0
    work = [lines[f"streamdet_stage_work_seconds_{part}"] for part in (
        'bucket{le="+Inf",stage="detect"}', 'count{stage="detect"}')]  # fmt: skip
    assert work == [lines['streamdet_stage_frames_total{stage="detect"}']] * 2
    assert float(lines['streamdet_stage_latency_seconds_sum{stage="detect"}']) > 0


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v1/cameras/nobody/snapshot.jpg", 404),
        ("/api/v1/cameras/..%2f..%2fetc/snapshot.jpg", 404),
        ("/api/v1/events?limit=0", 422),
        ("/api/v1/events?limit=501", 422),
        ("/api/v1/events?before=x", 422),
        ("/api/v1/detections?before=1-2-3", 422),
    ],
)
def test_a_wrong_request_is_refused(run: Served, path: str, code: int) -> None:
    with pytest.raises(urllib.error.HTTPError) as refusal:
        run.get(path)
    with refusal.value as answer:
        assert answer.code == code


def test_a_run_that_has_ended_is_told_until_ctrl_c(tmp_path: Path) -> None:
    source = ("--source", "synthetic:street?frames=6&hw=120x160")
    output = tmp_path / "o.jsonl"
    with served(tmp_path, *source, *source, "--stages", f"--output={output}") as short:
        while (told := short.read("/run"))["report"] is None:
            assert short.process.poll() is None, short.log
            time.sleep(0.1)
        assert told["report"]["outcome"] == "done"
        assert told["sources"] == told["report"]["sources"]
        assert told["sources"][0]["published"] == 6
        assert short.read("/events") == {"entries": [], "before": None}
        assert short.stop() == 0
    assert "is read twice, as street and street-2" in short.log
    assert "what runs it" in short.log
    assert f"written: {output}" in short.log


def test_its_log_may_be_json(tmp_path: Path) -> None:
    arguments = ("--source", "synthetic:street?frames=3&hw=120x160", "--log", "json")
    with served(tmp_path, *arguments) as short:
        while short.read("/run")["report"] is None:
            assert short.process.poll() is None, short.log
            time.sleep(0.1)
        assert short.stop() == 0
    first, *_, last = map(json.loads, short.log.splitlines())
    assert (first["event"], last["event"]) == ("note", "report")
    assert first["message"].startswith(short.url)


@pytest.mark.parametrize(
    ("listen", "sentence"),
    [
        ("0.0.0.0:0", "others could see the cameras"),
        ("localhost", "wanted HOST:PORT"),
        ("127.0.0.1:99999", "wanted HOST:PORT"),
        ("192.0.2.1:0", "others could see the cameras"),
    ],
)
def test_an_address_that_cannot_be_is_one_sentence(
    listen: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "people", "--listen", listen]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line
